"""A version-2 agent written from docs/tunnel-protocol.md alone, as a second opinion on it.

`tunnel_peer.py SCENARIO URL`, with the key in CUBE_TUNNEL_TOKEN, plays one scenario against a relay with the apps
`echo` (sends back, then ends) and `digest` (hears to the end, then answers with the SHA-256), prints what it saw as
JSON, and fails when the relay breaks a rule of the page.
"""

import asyncio
import hashlib
import json
import os
import random
import struct
import sys

import websockets

CONNECT, DATA, CLOSE, ERROR, CONNECTED, CREDIT, FIN, PING, PONG, HELLO, DRAIN = range(1, 12)
# Much smaller than the relay's, so that it meets every limit often.
WINDOW, MAX_DATA, MAX_STREAMS = 16384, 5000, 8
CUT = ("close", "error")


class Stream:
    """One stream: what may still be sent, what may still come, what came."""

    def __init__(self, window: int) -> None:
        self.credit = window
        self.allowed = WINDOW
        self.owed, self.received = 0, bytearray()
        self.connected, self.ended = False, None
        self.changed = asyncio.Condition()

    async def until(self, holds) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: holds(self))


class Agent:
    def __init__(self, socket) -> None:
        self.socket = socket
        self.streams, self.relay = {}, None
        self.credits, self.withholds = 0, False

    async def send(self, command: int, stream: int, payload: bytes = b"") -> None:
        await self.socket.send(struct.pack(">BI", command, stream) + payload)

    async def hello(self) -> None:
        await self.send(HELLO, 0, struct.pack(">IIII", WINDOW, MAX_DATA, MAX_STREAMS, 0))
        command, stream, payload = self.frame(await self.socket.recv())
        assert (command, stream) == (HELLO, 0), "the first frame is HELLO"
        self.relay = struct.unpack(">IIII", payload[:16])
        self.reader = asyncio.create_task(self.read())

    @staticmethod
    def frame(message):
        assert isinstance(message, bytes), "frames are binary messages"
        assert 5 <= len(message) <= MAX_DATA + 5, f"a message of {len(message)} bytes"
        return (*struct.unpack(">BI", message[:5]), message[5:])

    async def read(self) -> None:
        async for message in self.socket:
            command, number, payload = self.frame(message)
            if number == 0:
                await self.connection_frame(command, payload)
            else:
                assert number in self.streams, f"command {command} for stream {number}, which was never opened"
                await self.stream_frame(command, number, self.streams[number], payload)

    async def connection_frame(self, command: int, payload: bytes) -> None:
        if command == PING:
            assert len(payload) == 8, "the number of a PING"
            await self.send(PONG, 0, payload)
        else:
            assert 64 <= command <= 127, f"command {command} on the connection"

    async def stream_frame(self, command: int, number: int, stream: Stream, payload: bytes) -> None:
        assert stream.ended not in CUT, f"command {command} after the end of stream {number}"
        async with stream.changed:
            if command == CONNECTED:
                assert not stream.connected and not payload, "one CONNECTED, without payload"
                stream.connected = True
            elif command == DATA:
                assert stream.connected and stream.ended is None and payload, "DATA while open, never empty"
                stream.allowed -= len(payload)
                assert stream.allowed >= 0, "DATA beyond the credit"
                stream.received += payload
                stream.owed += len(payload)
            elif command == CREDIT:
                (more,) = struct.unpack(">I", payload)
                assert more > 0, "CREDIT of nothing"
                stream.credit += more
                self.credits += 1
            elif command == FIN:
                assert stream.connected and stream.ended is None and not payload, "one FIN"
                stream.ended = "fin"
            elif command in (CLOSE, ERROR):
                assert command == CLOSE or not stream.connected, "ERROR stands in place of CONNECTED"
                stream.code, stream.text = struct.unpack(">H", payload[:2])[0], payload[2:].decode()
                assert len(payload) <= 257, "a text of at most 255 bytes"
                stream.ended = "close" if command == CLOSE else "error"
            else:
                raise AssertionError(f"command {command} on a stream")
            stream.changed.notify_all()
        if stream.owed >= WINDOW // 2 and stream.ended is None and not self.withholds:
            await self.give_credit(number, stream)

    async def give_credit(self, number: int, stream: Stream) -> None:
        owed, stream.owed = stream.owed, 0
        stream.allowed += owed
        await self.send(CREDIT, number, struct.pack(">I", owed))

    async def open(self, app: str) -> int:
        number = len(self.streams) + 1
        self.streams[number] = Stream(self.relay[0])
        await self.send(CONNECT, number, app.encode())
        return number

    async def write(self, number: int, data: bytes) -> None:
        """Sends as credit comes, and does not wait for CONNECTED."""
        stream = self.streams[number]
        while data:
            await stream.until(lambda stream: stream.credit > 0 or stream.ended in CUT)
            if stream.ended in CUT:
                return
            size = min(stream.credit, self.relay[1], len(data))
            stream.credit -= size
            await self.send(DATA, number, data[:size])
            data = data[size:]
        await self.send(FIN, number)

    async def exchange(self, app: str, data: bytes) -> Stream:
        number = await self.open(app)
        stream = self.streams[number]
        await asyncio.gather(self.write(number, data), stream.until(lambda stream: stream.ended))
        return stream


async def echo(agent: Agent) -> dict:
    """Three at once, of which one says nothing."""
    all_sent = [random.randbytes(3_000_001), random.randbytes(700_000), b""]
    streams = await asyncio.gather(*(agent.exchange("echo", sent) for sent in all_sent))
    same = [stream.received == sent and stream.ended == "fin" for stream, sent in zip(streams, all_sent)]
    return {"same": same, "bytes": sum(map(len, all_sent)), "credits": agent.credits}


async def window(agent: Agent) -> dict:
    """Returns no credit at first: one window comes, not a byte more, and another stream goes on meanwhile."""
    agent.withholds = True
    number, sent = await agent.open("echo"), random.randbytes(100_000)
    stream = agent.streams[number]
    writing = asyncio.create_task(agent.write(number, sent))
    await stream.until(lambda stream: stream.allowed == 0)
    beside = await agent.exchange("echo", b"beside it")
    agent.withholds = False
    await agent.give_credit(number, stream)
    await asyncio.gather(writing, stream.until(lambda stream: stream.ended))
    return {"beside": beside.received.decode(), "same": stream.received == sent, "ended": stream.ended}


async def half_close(agent: Agent) -> dict:
    sent = random.randbytes(1_000_003)
    stream = await agent.exchange("digest", sent)
    return {"same": stream.received == hashlib.sha256(sent).digest(), "ended": stream.ended}


async def refusal(agent: Agent) -> dict:
    """Refused with early data on the way; the connection serves on."""
    refused = []
    for app in ("no-such-app", "x" * 256):
        stream = await agent.exchange(app, b"early")
        refused.append([stream.ended, stream.code, stream.text])
    after = await agent.exchange("echo", b"after it")
    return {"refused": refused, "after": after.received.decode()}


async def main(scenario: str, url: str) -> dict:
    headers = {"Authorization": "Bearer " + os.environ["CUBE_TUNNEL_TOKEN"]}
    try:
        # The library offers compression; a relay must not take the offer.
        offer = {"additional_headers": headers, "subprotocols": ["cube-tunnel.v2", "cube-tunnel.v1"], "proxy": None}
        socket = await websockets.connect(url + "/tunnel", **offer)
    except websockets.InvalidStatus as refused:
        answer = refused.response
        return {"status": answer.status_code, "mark": answer.headers["Cube-Tunnel"], "body": json.loads(answer.body)}
    async with socket:
        assert socket.response.headers["Cube-Tunnel"] == "2" and socket.subprotocol == "cube-tunnel.v2"
        assert "Sec-WebSocket-Extensions" not in socket.response.headers, "no extension is negotiated"
        agent = Agent(socket)
        await agent.hello()
        play = {"echo": echo, "window": window, "half-close": half_close, "refusal": refusal}[scenario]
        work = asyncio.create_task(play(agent))
        await asyncio.wait([work, agent.reader], return_when=asyncio.FIRST_COMPLETED)
        if agent.reader.done():
            await agent.reader
            raise AssertionError(f"the relay closed the connection: {socket.close_code} {socket.close_reason}")
        return {**work.result(), "hello": agent.relay}


print(json.dumps(asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), 60))))
