"""Speaks with an MCP server over stdio by the official client.

Usage: mcp_stdio_client.py PROGRAM; the environment is passed on to the program. First says in a line of JSON what it sees,
then reads calls, a line each (`["tool", {"argument": 1}]`), and says their progress and results in lines of JSON.
"""

import asyncio
import json
import os
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


def say(**what):
    print(json.dumps(what), flush=True)


async def main(program):
    server = StdioServerParameters(command=program, args=[], env=dict(os.environ))

    async def progress(done, total, message):
        say(progress=message or "")

    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        hello = await session.initialize()
        tools = (await session.list_tools()).tools
        say(
            server=hello.serverInfo.name,
            tools=[tool.model_dump(mode="json", by_alias=True) for tool in tools],
            schemas=sum(1 for tool in tools if tool.outputSchema),
            prompts=[prompt.name for prompt in (await session.list_prompts()).prompts],
            resources=[str(resource.uri) for resource in (await session.list_resources()).resources],
        )
        while line := await asyncio.to_thread(sys.stdin.readline):
            name, arguments = json.loads(line)
            # It refuses structured content that is not as the tool's schema says.
            result = await session.call_tool(name, arguments, progress_callback=progress)
            say(result=result.model_dump(mode="json", by_alias=True))


asyncio.run(main(*sys.argv[1:]))
