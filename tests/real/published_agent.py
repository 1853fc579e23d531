"""Runs one tunnel of the published agent: prints its local port, stops it when a line comes in, prints `stopped`."""

import asyncio
import logging
import sys

from cube_agent.tunnel.agent_tunnel import AppProxyTunnel


async def main(app: str) -> None:
    tunnel = AppProxyTunnel(app)
    print(await tunnel.start(), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    await tunnel.stop()
    print("stopped", flush=True)


logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
asyncio.run(main(sys.argv[1]))
