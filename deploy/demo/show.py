#!/usr/bin/python3
"""Shows in the terminal what Interlock is for, and fails when it is not so.

A real WebSocket client goes through gateway A up to PROCESSING_READY, sends a message and receives
the five events of an agent run. Then it is cut off in the middle of a second run and resumes
through gateway B: every event arrives once, in order. The states are those that the coordinator's
Admin API reports (through interlockctl), never what this script supposes.
"""

import argparse
import asyncio
import secrets
import sys

from terminal import Wrong, expect
from terminal.admin import Admin
from terminal.client import Client
from terminal.screen import Screen
from terminal.timeline import draw

RUN = ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"]
SETUP = ["CONNECTING", "ACCEPTED", "AUTHENTICATED", "SERVICES_READY", "PROCESSING_READY"]
SEEN_BEFORE_THE_CUT = 2  # events of the second run


def ends_run(steps):
    return (steps[-1]["from"], steps[-1]["to"]) == ("PROCESSING", "PROCESSING_READY")


async def connect(client, admin, address):
    client.screen.title("1  A client connects through gateway A")
    hello = await client.connect("A", address, resume=False)
    expect(hello["key"] == admin.key, f"hello names the key {hello['key']}, not {admin.key}")
    await client.next("ready")
    await admin.wait_for(lambda steps: len(steps) >= len(SETUP), "PROCESSING_READY")
    expect(admin.states() == SETUP, f"the setup went {', '.join(admin.states())}")


async def one_run(client, admin):
    client.screen.title("2  It sends a message, and the agent answers with five events")
    await client.send("How many words are in this message?")
    for _ in RUN:
        await client.receive_event()
    await admin.wait_for(ends_run, "the end of the run")


async def cut_in_the_middle_of_a_run(client, admin):
    client.screen.title("3  A second message, and the network goes away in the middle of the run")
    await client.send("And how many are in this one?")
    for _ in range(SEEN_BEFORE_THE_CUT):
        await client.receive_event()
    await client.cut()
    client.screen.say("client", f"{client.screen.cut} cut off after {SEEN_BEFORE_THE_CUT} of "
                      f"{len(RUN)} events", "red")
    await admin.wait_for(lambda steps: steps[-1]["to"] == "RECONNECTING", "RECONNECTING")
    lost = admin.steps()[-1]
    expect((lost["from"], lost["reason"]) == ("PROCESSING", "SOCKET_LOST"),
           f"the cut did not meet an open run: {lost['from']} to RECONNECTING, {lost['reason']}")


async def an_event_meanwhile(client, admin):
    """The agent goes on, and the coordinator keeps what nobody is there to receive."""
    await admin.wait_for(lambda _: int(admin.connection["last_seq"]) > client.last_seq,
                         "an event published after the cut")
    kept = admin.connection
    client.screen.say("record", f"nobody is connected; {kept['outbox_events']} kept, up to event "
                      f"#{kept['last_seq']}; runs open: {kept['open_runs']}", "yellow")


async def resume_elsewhere(client, admin, address):
    client.screen.title("4  The same session resumes through gateway B")
    generation, seen = client.generation, client.last_seq
    hello = await client.connect("B", address, resume=True)
    expect(hello["resumed"], "hello says that the sequence does not go on")
    expect(hello["next_seq"] == seen + 1, f"behind #{seen} the next event is #{hello['next_seq']}")
    expect(client.generation > generation, "the generation did not rise")
    for _ in RUN[SEEN_BEFORE_THE_CUT:]:
        await client.receive_event()
    if len(client.ready) < len(client.spans):  # the run was over: all of it was replay
        await client.next("ready")
    await admin.wait_for(ends_run, "the end of the second run")


async def say_goodbye(client, admin):
    client.screen.title("5  The client is done: it closes with 1000")
    code = await client.say_done()
    expect(code == 1000, f"the gateway answered 1000 with {code}")
    await admin.wait_for(lambda steps: steps[-1]["to"] == "CLOSED", "CLOSED")


async def check_transitions(screen, admin):
    legal = {(row["state"], to) for row in await admin.ask("lifecycle") for to in row["to"]}
    steps = admin.steps()
    for before, step in zip(steps, steps[1:]):
        pair = f"{step['from']} to {step['to']}"
        expect(before["to"] == step["from"], f"{pair} was reported behind {before['to']}")
        expect((step["from"], step["to"]) in legal, f"{pair} is not in the table")
    screen.check(f"{len(steps)} transitions reported by the coordinator, all of them in its table")


def check_events(screen, client):
    sequence = [event["seq"] for event in client.events]
    expect(sequence == list(range(1, 2 * len(RUN) + 1)), f"the sequence was {sequence}")
    for name, events in (("first", client.events[:5]), ("second", client.events[5:])):
        got = [event["event"] for event in events]
        expect(got == RUN, f"the {name} run brought {got}")
        expect(len({event["run"] for event in events}) == 1, f"the {name} run has several names")
    expect(client.events[0]["run"] != client.events[5]["run"], "both runs have the same name")
    before = [seq for seq, gateway, _ in client.arrivals if gateway == "A"]
    after = [seq for seq, gateway, _ in client.arrivals if gateway == "B"]
    screen.check(f"five of five events, twice, in order: #{before[0]} to #{before[-1]} through "
                 f"gateway A, #{after[0]} to #{after[-1]} through gateway B")
    expect(len(client.ready) == 2, f"{len(client.ready)} barriers came over two sockets")
    screen.check(f"{client.ready[1]['replayed']} of them replayed before the second socket's "
                 f"barrier; {client.repeated} frame(s) repeated")


def check_owners(screen, admin):
    generations = sorted(admin.owners)
    expect(len(generations) == 2, f"{len(generations)} generations had an owner, not two")
    first, second = (admin.owners[generation] for generation in generations)
    expect(first != second, "both generations belonged to the same gateway")
    screen.check(f"the owner changed from gateway {first[:8]} to {second[:8]}, "
                 "and the generation rose")


async def show(arguments, screen):
    session = f"demo-{secrets.token_hex(4)}"
    client = Client(session, screen)
    admin = Admin(arguments.ctl, arguments.coordinator, f"anonymous:{session}", screen)
    print(f"Connection {screen.paint(admin.key, 'bold')}; every line marked \"state\" is what the "
          "coordinator's Admin API reports.")
    await admin.start()
    try:
        await connect(client, admin, arguments.gateway_a)
        await one_run(client, admin)
        await cut_in_the_middle_of_a_run(client, admin)
        await an_event_meanwhile(client, admin)
        await resume_elsewhere(client, admin, arguments.gateway_b)
        await say_goodbye(client, admin)
        draw(screen, client, admin)
        screen.title("Checked")
        await check_transitions(screen, admin)
        check_events(screen, client)
        check_owners(screen, admin)
    finally:
        await admin.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--ctl", required=True, help="path of interlockctl")
    parser.add_argument("--coordinator", required=True, metavar="HOST:PORT")
    parser.add_argument("--gateway_a", required=True, metavar="HOST:PORT")
    parser.add_argument("--gateway_b", required=True, metavar="HOST:PORT")
    parser.add_argument("--reason_file", help="where the reason of a failure is written, too")
    arguments = parser.parse_args()
    screen = Screen()
    try:
        asyncio.run(show(arguments, screen))
    except KeyboardInterrupt:
        sys.exit(130)
    except Wrong as wrong:
        if arguments.reason_file:
            with open(arguments.reason_file, "w", encoding="utf-8") as file:
                print(wrong, file=file)
        print(f"\n{screen.paint('The demonstration failed:', 'red')} {wrong}", flush=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
