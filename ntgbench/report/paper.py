"""Texts of the efficiency page."""

READING = """\
What a system costs. **Numbers of different hardware stand in different sections and do not compare.** Systems are
measured in rounds, in each a process of a system after the other, and a cost in two visits of a round, with the
others between them. A rate is that of the shortest call, or what the shortest trainings on more and on fewer biflows
differ by; the first round searches for the best batch, and each measures the two that came nearest again. A *median*
has an interval that would hold the true one with 95% confidence if all repetitions were independent (those of one
process are not quite), and `*` says that a measurement lay far from the others: this is what one waits for on that
machine. The *shortest* is what the same work took when nothing disturbed it, and what to compare systems by. Its
interval goes to what the worst of the visits would have said alone; systems whose intervals overlap share a rank. A
repetition of sampling makes the same biflows, as many of each class, one call each, from the same random numbers, and
the shortest is that of each biflow, averaged over them; a very slow system makes fewer. The time of an epoch is that
of a training with a batch of one biflow, warm-up left out, and with what the system does beside its steps, such as
validating on a part of the set; where fewer biflows than the whole set were trained on, it is extrapolated from the
difference between trainings on more and fewer of them. Its shortest time is that of each step, or of whatever lies
between two tellings of progress, summed. A CUDA device has done all its work whenever the clock is read, and there is
one round on it. `packets` is what the model's biflows had on average: short ones are made sooner. Device use is that
of a CUDA device by NVML, ten looks a second, or else this process's CPU time by its threads, in the last round. A
process keeps to as many processors as it has threads. Peaks are of training and of sampling one by one: on a CUDA
device what torch has reserved, on the host what is resident. Energy is counted where the machine counts it (NVML,
RAPL), of the whole device and in the last round, and left out elsewhere. `others` is the part of the machine that
other processes took: above 10% times are suspect. `reference` is the shortest that a fixed workload took beside the
visits, up to the worst of its moments: where it is above 1.1 times that of another row, the machine was slow all the
while, by no process of its own perhaps. Two fresh processes a round, with what else is measured between them, load
the saved system and make one biflow on the CPU: *import* is the plugin's part of that, *first biflow* all of it from
the start of Python, both with each of their parts, such as importing one module, as short as it was in any of these
processes; *memory* is the peak."""

QUOTED = """\
## As the paper has it

Quoted from arXiv 2603.25507, Table III, where they are stated: its authors' code on their GPU. Not measured here, and
not to be ranked with the above.

| system                       |   ms/biflow |   MB |
|:-----------------------------|------------:|-----:|
| LLaMA                        |          31 |  7.9 |
| LLaMA, int8 weight-only      |          45 |  3.5 |
| LLaMA, int8 dynamic activation |       990 |  3.4 |
| Mamba                        |         148 | 15.5 |
| NetDiffus-NR                 |      860.67 |  4.2 |
| CVAE                         |           - |  3.9 |"""
