"""A worker of a group in nothing but Python's standard library.

Usage: worker.py URL GROUP. Prints the id of every event before it acks it, and goes on for ever.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request

url, group = sys.argv[1:]
name = f"py-{os.getpid()}"


def call(path, body):
    request = urllib.request.Request(
        f"{url}/v1/groups/{group}/{path}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def handle(event):
    # One write for each line, at the end of the file, so that the lines of several workers do not mix.
    os.write(1, (json.dumps({"id": event["id"]}, separators=(",", ":")) + "\n").encode())


def settle(settlements):
    """Says what became of deliveries, until it was heard: saying it twice is safe."""
    while settlements:
        try:
            return call("settle", {"settlements": settlements})
        except (OSError, ValueError):
            time.sleep(0.05)


while True:
    try:
        work = call("fetch", {"worker": name, "max": 10, "wait_ms": 500})
    except (OSError, ValueError):
        # The server is away or busy: try again.
        time.sleep(0.05)
        continue
    for gap in work["gaps"]:
        print("gap", gap, file=sys.stderr)
    done = []
    for delivery in work["deliveries"]:
        try:
            handle(delivery["event"])
            done.append({"lease": delivery["lease"], "ack": True})
        except Exception as error:
            done.append({"lease": delivery["lease"], "retry": {"after_ms": 1000, "reason": str(error)}})
    settle(done)
