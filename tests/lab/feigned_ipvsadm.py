#!/usr/bin/python3
"""ipvsadm for a kernel that may have no ip_vs, as ldirectord calls it: the table is in /run/ipvs.json."""

import json
import sys
from pathlib import Path

TABLE = Path("/run/ipvs.json")
table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
command, *words = sys.argv[1:]
if command == "-L":
    print("IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags")
    print("  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn")
    for virtual, servers in table.items():
        print(f"UDP  {virtual} rr")
        for real, weight in servers.items():
            print(f"  -> {real:28} Route   {weight:6} 0          0")
    sys.exit(0)
virtual = words[words.index("-u") + 1]
if command in ("-A", "-E"):
    table.setdefault(virtual, {})
elif command == "-D":
    del table[virtual]
elif command in ("-a", "-e"):
    table[virtual][words[words.index("-r") + 1]] = words[words.index("-w") + 1]
elif command == "-d":
    del table[virtual][words[words.index("-r") + 1]]
else:
    sys.exit(f"ipvsadm: {command} is not feigned")
new = TABLE.with_suffix(".new")
new.write_text(json.dumps(table))
new.rename(TABLE)
