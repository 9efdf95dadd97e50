"""``python slow_clients.py PORT COUNT``: clients that send a byte every five seconds, and come back.

A process of its own, so that their work is not the measured clients' time. It says how many are connected.
"""

import asyncio
import sys

EVERY = 5
REQUEST = b"GET /health/live HTTP/1.1\r\nHost: slow\r\nX-Padding: " + b"x" * 4000


async def slow(port: int, number: int, connected: set[int]) -> None:
    """One of them, for ever."""
    await asyncio.sleep(number / 1000)
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            connected.add(number)
            for byte in REQUEST:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(EVERY)
        except OSError:
            connected.discard(number)
            await asyncio.sleep(0.5)


async def main(port: int, count: int) -> None:
    """All of them, and a line when every one was connected at once."""
    connected: set[int] = set()
    tasks = [asyncio.create_task(slow(port, number, connected)) for number in range(count)]
    while len(connected) < count:
        await asyncio.sleep(0.1)
    print("connected", flush=True)
    await asyncio.gather(*tasks)


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
