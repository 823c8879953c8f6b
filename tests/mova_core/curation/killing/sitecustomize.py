"""Every Python process that finds this on its path counts what it does to files; at one count all of them die.

KILL_COUNT   a file that grows by a byte with every file below the working folder that is opened, renamed or removed
KILL_AT      the size at which the whole process group gets SIGKILL; 0 = never
"""

import os
import signal
import sys

EVENTS = ("open", "os.mkdir", "os.remove", "os.rename")
HERE = os.getcwd() + os.sep
last = int(os.environ["KILL_AT"])
count = os.open(os.environ["KILL_COUNT"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def watch(event, details):
    if event in EVENTS and isinstance(details[0], str) and os.path.abspath(details[0]).startswith(HERE):
        os.write(count, b".")
        if last and os.fstat(count).st_size >= last:
            os.killpg(os.getpgrp(), signal.SIGKILL)


sys.addaudithook(watch)
