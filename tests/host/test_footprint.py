import ctypes
import sys

import pytest

from viewfinder.host.footprint import footprints
from viewfinder.host.memory import high_water_bytes, measure_tree

MIB = 1024 * 1024
FIELDS = """
    user_time system_time pkg_idle_wkups interrupt_wkups pageins wired_size resident_size phys_footprint
    proc_start_abstime proc_exit_abstime child_user_time child_system_time child_pkg_idle_wkups
    child_interrupt_wkups child_pageins child_elapsed_abstime diskio_bytesread diskio_byteswritten
    cpu_time_qos_default cpu_time_qos_maintenance cpu_time_qos_background cpu_time_qos_utility
    cpu_time_qos_legacy cpu_time_qos_user_initiated cpu_time_qos_user_interactive billed_system_time
    serviced_system_time logical_writes lifetime_max_phys_footprint instructions cycles billed_energy
    serviced_energy interval_max_phys_footprint runnable_time
"""
"""Of `struct rusage_info_v4` in <sys/resource.h>, after its UUID, without their "ri_"."""


class RusageInfoV4(ctypes.Structure):
    _fields_ = (("uuid", ctypes.c_uint8 * 16), *((name, ctypes.c_uint64) for name in FIELDS.split()))


def test_the_counters_are_where_the_header_has_them() -> None:
    usage = RusageInfoV4(phys_footprint=37 * MIB, lifetime_max_phys_footprint=40 * MIB, resident_size=1)
    assert footprints(bytes(usage)) == (37 * MIB, 40 * MIB)


@pytest.mark.skipif(sys.platform != "darwin", reason="asks macOS")
async def test_what_a_process_allocates_is_charged_to_it(start):
    few, many = await start("allocates", "private", 8), await start("allocates", "private", 32)
    of_few, of_many = measure_tree(few.pids()), measure_tree(many.pids())
    assert of_many.footprint_bytes - of_few.footprint_bytes == pytest.approx(24 * MIB, abs=MIB)
    assert high_water_bytes(many.pids()) >= of_many.footprint_bytes
    pids = few.pids()
    await few.stop(0)
    assert measure_tree(pids).footprint_bytes == 0
