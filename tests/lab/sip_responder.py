"""A SIP server that answers every request, over UDP and TCP on 127.0.0.1:5060.

Its words: the status to answer by, "trying" to say 100 before it, "late" to answer each request as the one before it
should have been answered."""

import asyncio
import sys

_STATUS = sys.argv[1]
_WORDS = sys.argv[2:]
_COPIED = ("via", "from", "to", "call-id", "cseq")
_before = {}  # by transport


def answers(request, transport):
    """The whole responses to a whole request."""
    if "late" in _WORDS:
        request, _before[transport] = _before.get(transport), request
        if request is None:
            return []
    lines = [line for line in request.split("\r\n") if line.partition(":")[0].strip().lower() in _COPIED]
    found = ["100 Trying"] if "trying" in _WORDS else []
    return ["\r\n".join([f"SIP/2.0 {status}", *lines, "Content-Length: 0", "", ""]) for status in (*found, _STATUS)]


class Udp(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self._transport = transport

    def datagram_received(self, data, address):
        for answer in answers(data.decode(), "udp"):
            self._transport.sendto(answer.encode(), address)


async def serve_tcp(reader, writer):
    try:
        request = await reader.readuntil(b"\r\n\r\n")
        for answer in answers(request.decode(), "tcp"):
            writer.write(answer.encode())
        await reader.read()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    writer.close()


async def main():
    await asyncio.get_running_loop().create_datagram_endpoint(Udp, ("127.0.0.1", 5060))
    async with await asyncio.start_server(serve_tcp, "127.0.0.1", 5060) as server:
        await server.serve_forever()


asyncio.run(main())
