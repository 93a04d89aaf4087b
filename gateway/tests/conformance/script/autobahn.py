"""Reads the index of an Autobahn report: prints a table of its sections, and fails on anything that
is not as it should be.

usage: autobahn.py INDEX
"""

import json
import sys
from collections import Counter

# Sections of the suite, version 25.10.1: what they are about, how many cases they have.
SECTIONS = {
    1: ("framing", 16),
    2: ("pings and pongs", 11),
    3: ("reserved bits", 7),
    4: ("opcodes", 10),
    5: ("fragmentation", 20),
    6: ("UTF-8", 145),
    7: ("closing", 37),
    9: ("limits", 54),
    10: ("auto-fragmentation", 1),
    12: ("compression, payloads", 90),
    13: ("compression, parameters", 126),
}
# Compression is declined, so these cases end where their wish for it is not granted.
DECLINED = {12, 13}
GOOD = ("OK", "INFORMATIONAL")
COUNTED = ("OK", "INFORMATIONAL", "UNIMPLEMENTED")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        cases = json.load(file)["voxora"]
    wrong = []
    print("| section | cases | OK | informational | unimplemented | other | unclean closes |")
    print("|---|---|---|---|---|---|---|")
    for section, (about, wanted) in SECTIONS.items():
        found = {name: it for name, it in cases.items() if name.split(".")[0] == str(section)}
        counts, unclean = Counter(), 0
        for name, case in found.items():
            behavior, close = case["behavior"], case["behaviorClose"]
            counts[behavior if behavior in COUNTED else "other"] += 1
            unclean += close not in GOOD
            allowed = ("UNIMPLEMENTED",) if section in DECLINED else GOOD
            if behavior not in allowed or close not in GOOD:
                wrong.append(f"case {name}: {behavior}, its close {close}")
        if len(found) != wanted:
            wrong.append(f"section {section}: {len(found)} cases of {wanted}")
        columns = [counts[name] for name in (*COUNTED, "other")]
        cells = [f"{section} {about}", len(found), *columns, unclean]
        print("| " + " | ".join(str(cell) for cell in cells) + " |")
    if len(cases) != sum(wanted for _, wanted in SECTIONS.values()):
        wrong.append(f"{len(cases)} cases in all")
    for line in wrong:
        print(line, file=sys.stderr)
    sys.exit(1 if wrong else 0)


main()
