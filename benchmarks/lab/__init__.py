"""The lab: real programs talking over a real network stack on one machine, captured and labelled by construction.

`make lab` builds the data set on Debian or Ubuntu, as root: it says which of their packages are missing, and the
libraries of PyPI are in requirements.txt. A build takes some minutes on two processors and leaves nothing running;
what a killed one leaves, the next one removes. `python -m benchmarks.lab --help` has its options.

- workload.py: what a class of traffic is; workloads: the classes, one module a family
- plan.py: the sessions, their addresses and lines; hosts.py: the namespaces they run in
- build.py: slots that work through the sessions side by side; client.py: the process that makes them
- capture.py, table.py: what was sent, as labelled biflows; facts.py: what is known of the build
"""
