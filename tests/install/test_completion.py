"""Completions, each in its own shell, against the programs as they are installed."""

import os
import re
import subprocess

import pytest

PROGRAMS = ["anyprobe", "dns-probe", "radius-probe", "socks-probe", "squid-probe", "syslog-probe", "tcp-route-probe"]
# What is typed, and what must be among the proposals; after "!" what must not.
LINES = [
    ("anyprobe st", ["status"]), ("anyprobe re", ["reload", "resume"]),
    ("anyprobe status --te", ["--textfile"]), ("anyprobe run --log-format ", ["json", "text"]),
    ("anyprobe probes d", ["dns"]), ("anyprobe check --type nt", ["ntp"]), ("dns-probe --rec", ["--record", "--recursion"]),
    ("tcp-route-probe --dev", ["--device"]), ("anyprobe drain w", ["web", "wiki"]), ("anyprobe drain --force we", ["web"]),
    ("anyprobe drain --run-dir /there ww", ["www"]), ("tcp-route-probe --device lo", ["lo"]),
]
STATUS = """{
  "services": [
    {
      "name": "web",
      "advertise": [{"what": "none"}]
    },
    {
      "name": "wiki",
      "advertise": []
    }
  ],
  "instances": [
    {
      "name": "wrong"
    }
  ]
}
"""


@pytest.fixture
def path(installed, folder):
    """An `anyprobe` that has two services, and one that is elsewhere."""
    (folder / "answer").write_text(STATUS)
    (folder / "anyprobe").write_text(
        f"#!/bin/sh\ncase $* in\n  'status --json') exec cat {folder}/answer ;;\n"
        f"  *--run-dir*/there*) exec sed s/web/www/ {folder}/answer ;;\nesac\nexit 64\n")
    (folder / "anyprobe").chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(folder), "TERM": "dumb"}


def file_of(installed, folder, name):
    return installed.only(name, folder)


def bash(file, line, env):
    words = line.split(" ")
    script = (f'source {file}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
              '_anyprobe "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"; printf "%s\\n" "${COMPREPLY[@]}"')
    return subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True, check=True, env=env)


def fish(file, line, env):
    return subprocess.run(["fish", "--no-config", "-c", f"source {file}; complete -C '{line}'"], capture_output=True, text=True,
                          check=True, env=env)


# A zsh of its own, in which a key shows the list.
_ZSH = """
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'PS1=; PS2=; unsetopt zle_bracketed_paste 2>/dev/null; LISTMAX=1000; setopt nobeep'
zpty -w z 'fpath=($1 $fpath); autoload -Uz compinit; compinit -u -D; zstyle ":completion:*" list-packed no'
zpty -w z 'bindkey "^I" list-choices; stty cols 200 rows 100; print rea''dy'
zpty -r -m z out '*ready*'
zpty -w -n z "$2"$'\\t'
for i in {1..100}; do
  sleep 0.05
  zpty -r -t z more && all+=$more
  [[ $all == *$3* ]] && break
done
print -r -- "$all"
zpty -d z
"""


def zsh(file, line, env, wanted):
    script = _ZSH.replace("$1", str(file.parent))
    return subprocess.run(["zsh", "-f", "-c", script, "zsh", str(file.parent), line, wanted], capture_output=True, text=True,
                          check=True, env=env, timeout=60)


def proposals(done):
    return {line.split("\t")[0] for line in done.stdout.splitlines() if line}


def test_bash(installed, path, folder):
    file = file_of(installed, "completions", "anyprobe")
    for line, wanted in LINES:
        done = bash(file, line, path)
        assert done.stderr == "" and proposals(done) == set(wanted), (line, done)
    assert proposals(bash(file, "anyprobe run --log-format = j", path)) == {"json"}
    assert proposals(bash(file, f"anyprobe run --config {folder}/answ", path)) == {f"{folder}/answer"}
    # Of each program, by its name: as bash-completion loads it.
    for program in PROGRAMS:
        assert (file.parent / program).exists()
        assert "--help" in proposals(bash(file.parent / program, f"{program} --", path))
    done = subprocess.run(["shellcheck", "-s", "bash", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_fish(installed, path, folder):
    file = file_of(installed, "vendor_completions.d", "anyprobe.fish")
    for line, wanted in LINES:
        done = fish(file, line, path)
        assert done.stderr == "" and proposals(done) == set(wanted), (line, done)
    assert proposals(fish(file, f"anyprobe run --config {folder}/answ", path)) == {f"{folder}/answer"}
    assert (file.parent / "dns-probe.fish").exists()


def test_zsh(installed, path):
    file = file_of(installed, "site-functions", "_anyprobe")
    for line, wanted in [LINES[1], LINES[2], LINES[6], LINES[8]]:
        out = zsh(file, line, path, wanted[-1]).stdout
        for word in wanted:
            assert re.search(rf"(^|\s|\r){word}\b", out, re.MULTILINE), (line, out)


def test_every_flag_of_help_is_there(installed):
    file = file_of(installed, "completions", "anyprobe").read_text()
    for words in (["anyprobe", "drain"], ["anyprobe", "withdraw"], ["syslog-probe"]):
        program = installed.only(words[0], "sbin")
        told = installed.run(*words[1:], "--help", program=program).stdout
        command = words[1] if len(words) > 1 else ""
        flags = re.findall(r"^ +(--[a-z-]+)", told, re.MULTILINE)
        assert flags == re.findall(rf"^{words[0]}\|{command}\|(--[a-z-]+)\|", file, re.MULTILINE)
    # Every command that the program has.
    told = installed.run("--help").stdout
    commands = re.findall(r"^  ([a-z-]+) ", told.split("Commands:")[1], re.MULTILINE)
    listed = re.search(r'compgen -W "([a-z -]+) --help', file).group(1).split()
    assert sorted(commands) == sorted(listed)
