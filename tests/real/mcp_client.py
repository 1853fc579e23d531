"""Speaks with an MCP server over stdio by the official client, and says what it saw as JSON.

Usage: mcp_client.py PROGRAM CLUSTER; the environment is passed on to the program.
"""

import asyncio
import json
import os
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def main(program, cluster):
    server = StdioServerParameters(command=program, args=[], env=dict(os.environ))
    saw = {"progress": []}

    async def progress(done, total, message):
        saw["progress"].append(message)

    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        saw["server"] = (await session.initialize()).serverInfo.name
        tools = (await session.list_tools()).tools
        saw["tools"] = len(tools)
        saw["schemas"] = sum(1 for tool in tools if tool.outputSchema)
        saw["prompts"] = [prompt.name for prompt in (await session.list_prompts()).prompts]
        saw["resources"] = [str(resource.uri) for resource in (await session.list_resources()).resources]
        # The client refuses structured content that is not as the tool's schema says.
        calls = [
            ("agent_status", {}),
            ("cube_list", {}),
            ("cube_status", {"cluster": cluster}),
            ("cube_cluster_login", {"cluster": cluster}),
            ("list_environments", {}),
            ("app_list", {}),
            ("app_proxy", {"app": "echo"}),
            ("app_proxy_status", {}),
            ("app_proxy_stop", {}),
            ("edgegate_check_byo_bucket", {"workspace_id": os.environ["EDGEGATE_WORKSPACE_ID"]}),
            ("edgegate_get_byo_audit", {"workspace_id": os.environ["EDGEGATE_WORKSPACE_ID"]}),
        ]
        saw["failed"] = []
        for name, arguments in calls:
            result = await session.call_tool(name, arguments, progress_callback=progress)
            if result.isError or result.structuredContent is None:
                saw["failed"].append([name, result.content[0].text])
        # Every tool is reached: without arguments it answers, or says which it lacks.
        saw["silent"] = []
        for tool in tools:
            if tool.name in ("agent_login_browser", "agent_logout", "build_and_publish_to_apollo"):
                continue
            if not tool.inputSchema.get("required"):
                continue
            result = await session.call_tool(tool.name, {})
            if not (result.isError and any(name in result.content[0].text for name in tool.inputSchema["required"])):
                saw["silent"].append([tool.name, result.content[0].text])
    print(json.dumps(saw))


asyncio.run(main(*sys.argv[1:]))
