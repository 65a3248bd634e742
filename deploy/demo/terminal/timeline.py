"""The whole demonstration in a few lines: which gateway, which events, which state, when."""

WIDTH = 72
SETUP = ("CONNECTING", "ACCEPTED", "AUTHENTICATED", "SERVICES_READY")


class Row:
    """Text on a time axis; what does not fit at its place moves to the right."""

    def __init__(self, total_s):
        self.scale = WIDTH / total_s
        self.cells = [" "] * (WIDTH + 16)

    def column(self, seconds):
        return min(int(seconds * self.scale), WIDTH - 1)

    def fill(self, begin, end, mark):
        for column in range(self.column(begin), self.column(end) + 1):
            self.cells[column] = mark

    def put(self, seconds, text, blank):
        column = self.column(seconds)
        while any(cell not in blank for cell in self.cells[column:column + len(text)]):
            column += 1
        self.cells[column:column + len(text)] = text

    def text(self):
        return "".join(self.cells).rstrip()


def gateway_row(client, gateway, total_s, screen):
    row, line = Row(total_s), screen.bar["ready"]
    spans = [span for span in client.spans if span[0] == gateway]
    for _, begin, end in spans:
        row.fill(begin, end, line)
    for seq, through, seconds in client.arrivals:
        if through == gateway:
            row.put(seconds, str(seq), f" {line}")
    for span in spans:
        if span is not client.spans[-1]:
            row.put(span[2], screen.cut, f" {line}")
    return row.text()


def kind_of(state):
    if state in SETUP:
        return "setup"
    return {"PROCESSING_READY": "ready", "PROCESSING": "run", "RECONNECTING": "away"}.get(
        state, "other")


def state_row(admin, total_s, screen):
    row = Row(total_s)
    numbers = sorted(admin.transitions)
    ends = [admin.times[number] for number in numbers[1:]]
    # Without its last, final state.
    for number, end in zip(numbers, ends):
        row.fill(admin.times[number], end, screen.bar[kind_of(admin.transitions[number]["to"])])
    return row.text()


def draw(screen, client, admin):
    total_s = screen.now()
    bar = screen.bar
    rows = [("gateway A", gateway_row(client, "A", total_s, screen), "blue"),
            ("gateway B", gateway_row(client, "B", total_s, screen), "blue"),
            ("state", state_row(admin, total_s, screen), "yellow")]
    screen.title("The same as a picture")
    for name, text, style in rows:
        print(f"  {name:<10} {screen.paint(text, style)}")
    print(f"  {'':<10} 0 s{f'{total_s:.1f} s':>{WIDTH - 3}}")
    legend = (f"1, 2, ... events received; {screen.cut} the cut; state: {bar['ready']} "
              f"PROCESSING_READY, {bar['run']} PROCESSING, {bar['away']} RECONNECTING, "
              f"{bar['setup']} others")
    print(f"  {'':<10} {screen.paint(legend, 'faint')}")
