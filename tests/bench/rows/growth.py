"""What an operation costs when there are a hundred times as many connections."""

import machine
import rounds
from processes import Asked, Processes

AT_ONCE = 512


class Growth:
    WHAT = ("CPU of a coordinator for a transition with 100,000 connections / with 1,000, 512 of "
            "them at work at once, in turns")
    UNIT = "us"
    GOAL = 1.3
    AT_MOST = True
    SIZES = {"few": 1_000, "middle": 10_000, "many": 100_000, "count": 100_000, "rounds": 5,
             "budget_s": 120}
    SMALL = {"few": 600, "middle": 700, "many": 2_000, "count": 2_000, "rounds": 1, "budget_s": 30}

    def measure(self, sizes, work):
        with Processes(work) as processes:
            few, middle, many = (self.start(processes, name, sizes[name])
                                 for name in ("few", "middle", "many"))

            def one_round():
                return rounds.Round(self.cpu_us(many, sizes), self.cpu_us(few, sizes),
                                    {"middle_us": self.cpu_us(middle, sizes)})

            return rounds.run(
                one_round, sizes["rounds"], sizes["budget_s"], processes.pids,
                lambda one: f"{one.figure:.1f} us with 100,000, {one.details['middle_us']:.1f} us "
                            f"with 10,000, {one.baseline:.1f} us with 1,000")

    @staticmethod
    def start(processes, name, keys):
        coordinator = processes.coordinator(name)
        driver = Asked("bench_transitions", coordinator.port, name, keys, 1, AT_ONCE)
        processes.asked.append(driver)
        driver.hear()
        return coordinator.process.pid, driver

    @staticmethod
    def cpu_us(started, sizes):
        pid, driver = started
        before = machine.cpu_s(pid)
        driver.say(str(sizes["count"]))
        driver.hear()
        return (machine.cpu_s(pid) - before) * 1e6 / sizes["count"]
