"""A Modbus/TCP gateway with devices behind it, on pymodbus."""

from __future__ import annotations

import asyncio
from typing import Any

from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.mei_message import ReadDeviceInformationResponse
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from benchmarks.lab.servers import settings
from benchmarks.lab.serving import become_nobody

REGISTERS = 500


async def serve(told: dict[str, Any], values: list[int]) -> None:
    """Answer for every device, until ended."""
    names = {int(unit): dict(enumerate(identity)) for unit, identity in told["devices"].items()}

    def name(sending: bool, message: ModbusPDU) -> ModbusPDU:
        # The library knows one name for all devices of a server.
        if sending and isinstance(message, ReadDeviceInformationResponse):
            message.information = names[message.dev_id]
        return message

    devices = [SimDevice(unit, [SimData(0, values=values, datatype=DataType.REGISTERS)]) for unit in names]
    server = ModbusTcpServer(devices, address=(told["address"], told["port"]), trace_pdu=name)
    await server.serve_forever(background=True)
    become_nobody()
    await asyncio.Event().wait()


if __name__ == "__main__":
    given, rng = settings()
    asyncio.run(serve(given, [rng.randrange(1 << 16) for _ in range(REGISTERS)]))
