"""Metrics in the text format of Prometheus."""

import re
import subprocess


class Samples(dict):
    """{"name{labels}": value} of the text format."""

    def __init__(self, text):
        super().__init__()
        self.text = text
        self.families = re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE)
        assert len(self.families) == len(set(self.families))
        for line in text.splitlines():
            if not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                assert name not in self, name
                self[name] = float(value)

    def of(self, name, **labels):
        """The one sample with these labels; 0 where there is none."""
        found = [value for key, value in self.items() if key.split("{")[0] == name
                 and all(f'{label}="{wanted}"' in key for label, wanted in labels.items())]
        assert len(found) <= 1, (name, labels)
        return found[0] if found else 0


def approved(text):
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
