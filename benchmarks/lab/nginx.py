"""nginx as a site's server: static pages, media or files, in the clear or over TLS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.lab.contents import token, word
from benchmarks.lab.tls import certificate
from benchmarks.lab.workload import Site

PLAIN, ENCRYPTED = 80, 443

_CONFIGURATION = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
events {{ worker_connections 512; }}
http {{
  types {{ text/html html; text/css css; application/javascript js; image/png png; video/mp4 m4s; text/plain m3u8; }}
  default_type application/octet-stream;
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  sendfile on;
  {tcp}
  {settings}
  server {{
    {listen}
    root {root};
    {headers}
  }}
}}
"""


@contextmanager
def nginx(
    site: Site,
    root: Path,
    *,
    plain: bool = False,
    encrypted: bool = False,
    http2: bool = False,
    settings: Sequence[str] = (),
    elliptic: float = 0.4,
    protocols: str = "TLSv1.2 TLSv1.3",
) -> Iterator[None]:
    """nginx that serves the files below `root`, in the site's folder; its header fields are drawn from the site."""
    rng = site.rng
    lines = list(settings)
    listen = [f"listen {PLAIN};"] if plain else []
    if encrypted:
        files = certificate(site.folder, rng, elliptic)
        listen.append(f"listen {ENCRYPTED} ssl{' http2' if http2 else ''};")
        lines += [
            f"ssl_certificate {files.chain};",
            f"ssl_certificate_key {files.key};",
            f"ssl_protocols {protocols};",
            f"ssl_session_tickets {rng.choice(('on', 'off'))};",
            "ssl_session_cache shared:s:1m;",
            f"ssl_buffer_size {rng.choice(('4k', '8k', '16k', '16k'))};",
        ]
    allowed = " ".join(f"{word(rng)}.test" for _ in range(rng.randint(1, 12)))
    fields = {
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": f"default-src 'self' {allowed}",
        "Cache-Control": f"public, max-age={rng.randint(0, 10**6)}",
        "X-Request-Id": token(rng, 32),
        "Set-Cookie": f"{word(rng)}={token(rng, rng.randint(16, 200))}; Path=/; HttpOnly",
    }
    sent = rng.sample(sorted(fields), rng.randint(0, len(fields)))
    configuration = site.folder / "nginx.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            folder=site.folder,
            tcp=rng.choice(("tcp_nopush on;", "tcp_nopush off;")),
            settings="\n  ".join(lines),
            listen="\n    ".join(listen),
            root=root,
            headers="\n    ".join(f'add_header {name} "{fields[name]}";' for name in sent),
        ),
        encoding="utf-8",
    )
    site.host.start(
        ["nginx", "-e", "stderr", "-c", str(configuration)], folder=site.folder, log="nginx.log", user="nobody"
    )
    for port in ([PLAIN] if plain else []) + ([ENCRYPTED] if encrypted else []):
        site.host.wait_for(port)
    yield
