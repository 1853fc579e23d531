"""The official client of MCP against cube-cloud. Reads `{"url", "keys"}` on stdin; writes what it saw, as JSON."""

import asyncio
import json
import sys
from importlib.metadata import version

import httpx
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import McpError


def leaf(failure):
    """The first failure inside groups of failures."""
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure


async def session(url, key, work):
    """Runs work in a session that has shaken hands; what came of it, or the failure."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        async with httpx.AsyncClient(headers=headers, timeout=120, trust_env=False) as http:
            async with streamable_http_client(url, http_client=http) as (read, write, _):
                async with ClientSession(read, write) as one:
                    return await work(one, await one.initialize())
    except BaseExceptionGroup as group:
        failure = leaf(group)
    except Exception as error:
        failure = error
    if isinstance(failure, httpx.HTTPStatusError):
        return {"status": failure.response.status_code}
    if isinstance(failure, McpError):
        return {"code": failure.error.code, "message": failure.error.message, "data": failure.error.data}
    return {"failure": repr(failure)}


async def main():
    given = json.load(sys.stdin)
    url, keys = given["url"], given["keys"]

    async def called(one, name, arguments, **more):
        got = await one.call_tool(name, arguments, **more)
        return got.model_dump(mode="json", by_alias=True)

    async def good(one, hello):
        seen = {"server": hello.serverInfo.name, "protocol": hello.protocolVersion}
        await one.send_ping()
        seen["tools"] = [tool.name for tool in (await one.list_tools()).tools]
        # The client checks structured content against the output schema, and raises where it does not fit.
        seen["success"] = await called(one, "list_environments", {"search": "cube-7"})
        seen["failed"] = await called(one, "list_modules", {"environment": "no-such-cube"})
        told = []

        async def progress(done, total, message):
            told.append([done, total, message])

        arguments = {"product_id": "com.example:mosquitto", "environments": "cube-7, cube-8"}
        seen["watched"] = await called(one, "compare_product_versions", arguments, progress_callback=progress)
        seen["progress"] = told
        return seen

    async def bad_arguments(one, _):
        return await called(one, "entity_health", {})

    async def refused(one, _):
        return await called(one, "create_environment", {"name": "cube-9"})

    seen = {
        "version": version("mcp"),
        "good": await session(url, keys["admin"], good),
        "bad_arguments": await session(url, keys["admin"], bad_arguments),
        "forbidden": await session(url, keys["reader"], refused),
        "wrong_key": await session(url, "cube_" + "A" * 43, bad_arguments),
        "no_key": await session(url, None, bad_arguments),
    }
    print(json.dumps(seen))


asyncio.run(main())
