"""SSH by asyncssh: every account by any key, a shell a line at a time, commands, SCP and SFTP in a folder."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Awaitable, Callable

import asyncssh

from benchmarks.lab.servers import settings
from benchmarks.lab.serving import become_nobody
from benchmarks.lab.users import accounts

NAMES = {who.name for who in accounts()}


class Server(asyncssh.SSHServer):
    """Who may come in."""

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002
        """Nobody without a key."""
        return True

    def public_key_auth_supported(self) -> bool:
        """Only by keys."""
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
        """What an account shows as its key is one."""
        return username in NAMES


def shell(root: str, greeting: bytes) -> Callable[[asyncssh.SSHServerProcess[bytes]], Awaitable[None]]:
    """What runs a session's command, or the lines of its terminal one by one."""

    async def session(process: asyncssh.SSHServerProcess[bytes]) -> None:
        if process.command:
            program = await asyncio.create_subprocess_shell(process.command, PIPE, PIPE, PIPE, cwd=root)
            await process.redirect(program.stdin, program.stdout, program.stderr)
            status = await program.wait()
            await process.stdout.drain()
            process.exit(status)
            return
        process.stdout.write(greeting + b"$ ")
        async for line in process.stdin:
            if line.strip() in (b"exit", b""):
                break
            program = await asyncio.create_subprocess_shell(
                line.decode(errors="replace"), DEVNULL, PIPE, STDOUT, cwd=root
            )
            output, _ = await program.communicate()
            process.stdout.write(output.replace(b"\n", b"\r\n") + b"$ ")
        process.exit(0)

    return session


async def serve(address: str, port: int, newer: bool, root: str) -> None:
    """Answer for ever."""
    kind, greeting = ("ecdsa-sha2-nistp256", b"") if newer else ("ssh-ed25519", b"Welcome to lab.test\r\n")
    await asyncssh.create_server(
        Server,
        address,
        port,
        server_host_keys=[asyncssh.generate_private_key(kind)],
        process_factory=shell(root, greeting),
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=root.encode()),
        allow_scp=True,
        encoding=None,
        login_timeout=20,
    )
    become_nobody()
    await asyncio.Event().wait()


if __name__ == "__main__":
    told, _ = settings()
    asyncio.run(serve(told["address"], told["port"], told["newer"], told["root"]))
