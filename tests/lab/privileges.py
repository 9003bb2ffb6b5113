"""What the kernel says each of our processes may do; for tests and `scripts/bench privileges`."""

from dataclasses import dataclass

from netns import process_name, process_status

# By their bits: linux/capability.h.
NAMES = ("CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
         "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
         "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
         "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
         "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
         "CHECKPOINT_RESTORE")
FILTER = 2  # of "Seccomp"


@dataclass(frozen=True)
class Privileges:
    process: str
    uids: tuple         # real, effective, saved, of the file system
    gids: tuple
    groups: tuple       # beside its own
    effective: frozenset
    permitted: frozenset
    inheritable: frozenset
    bounding: frozenset
    ambient: frozenset
    no_new_privs: bool
    seccomp: int


def capabilities(mask):
    bits = int(mask, 16)
    return frozenset(NAMES[bit] if bit < len(NAMES) else str(bit) for bit in range(bits.bit_length())
                     if bits >> bit & 1)


def privileges(pid):
    status = process_status(pid)
    assert status, f"process {pid} is gone"

    def numbers(key):
        return tuple(map(int, status[key].split()))
    return Privileges(process_name(pid), numbers("Uid"), numbers("Gid"), numbers("Groups"),
                      *(capabilities(status[key]) for key in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb")),
                      numbers("NoNewPrivs") == (1,), numbers("Seccomp")[0])


def confined(pid):
    """Whether a filter is in force; nothing where the process is gone."""
    return process_status(pid).get("Seccomp", "0").strip() == str(FILTER)
