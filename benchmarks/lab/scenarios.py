"""Scenarios of sipp: what a telephone sends, and what is answered, in the messages of RFC 3261 and RFC 3428."""

from __future__ import annotations

import random

from benchmarks.lab.contents import word

_HEAD = '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="lab">\n'
_TAIL = "</scenario>\n"
_BACK = "[last_Via:]\n[last_From:]\n[last_To:]{tag}\n[last_Call-ID:]\n[last_CSeq:]\n"
_TAG = ";tag=[pid]s[call_number]"
_CODECS = {
    0: "PCMU/8000",
    8: "PCMA/8000",
    9: "G722/8000",
    18: "G729/8000",
    96: "opus/48000/2",
    101: "telephone-event/8000",
}


def _send(message: str, *, again: bool = False) -> str:
    retransmit = ' retrans="500"' if again else ""
    return f"<send{retransmit}><![CDATA[\n\n{message}\n]]></send>\n"


def _description(rng: random.Random) -> str:
    """A session description, RFC 4566, with some codecs."""
    codecs = sorted({0, 101, *rng.sample(sorted(_CODECS), rng.randint(1, 5))})
    maps = "".join(f"a=rtpmap:{codec} {_CODECS[codec]}\n" for codec in codecs)
    extra = "".join(f"a={word(rng)}:{rng.randrange(1000)}\n" for _ in range(rng.randint(0, 4)))
    return (
        "v=0\no=- 53655765 2353687637 IN IP[local_ip_type] [local_ip]\ns=-\nc=IN IP[media_ip_type] [media_ip]\nt=0 0\n"
        f"m=audio [media_port] RTP/AVP {' '.join(map(str, codecs))}\n{maps}{extra}a=sendrecv\n"
    )


def _request(method: str, number: int, extra: str, body: str, kind: str = "") -> str:
    remote = "[peer_tag_param]" if method in ("ACK", "BYE") else ""
    target = "lab.test" if method == "REGISTER" else "[field1]@[remote_ip]:[remote_port]"
    other = "[field0]@lab.test" if method == "REGISTER" else "[field1]@lab.test"
    content = f"Content-Type: {kind}\n" if kind else ""
    return (
        f"{method} sip:{target} SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"
        f"From: [field0] <sip:[field0]@lab.test>;tag=[field3]\nTo: <sip:{other}>{remote}\n"
        f"Call-ID: [field3]///[call_id]\nCSeq: {number} {method}\n"
        f"Contact: <sip:[field0]@[local_ip]:[local_port]>\nMax-Forwards: 70\n{extra}"
        f"{content}Content-Length: [len]\n\n{body}"
    )


def calls(method: str, rng: random.Random, agent: str) -> str:
    """What a telephone of this make sends for a request: `INVITE` is a whole call.

    The file of people has who asks, who is asked, a text, and a token, one to a line.
    """
    extra = f"{agent}\n" if agent else ""
    if rng.random() < 0.5:
        extra += "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, SUBSCRIBE, INFO\n"
    if rng.random() < 0.3:
        extra += f"Supported: replaces, {word(rng)}, outbound\n"
    parts = [_HEAD]
    if method == "INVITE":
        parts.append(_send(_request("INVITE", 1, extra, _description(rng), "application/sdp"), again=True))
        parts += ['<recv response="100" optional="true"/>\n', '<recv response="180" optional="true"/>\n']
        parts += ['<recv response="183" optional="true"/>\n', '<recv response="200"/>\n']
        parts.append(_send(_request("ACK", 1, "", "")))
        parts.append(f'<pause milliseconds="{rng.choice((20, 80, 200))}"/>\n')
        parts.append(_send(_request("BYE", 2, extra, ""), again=True))
        parts.append('<recv response="200"/>\n')
    elif method == "REGISTER":
        expires = f"Expires: {rng.choice((60, 300, 3600))}\n"
        parts.append(_send(_request("REGISTER", 1, extra + expires, ""), again=True))
        parts.append('<recv response="401" auth="true"/>\n')
        login = "[authentication username=[field0] password=[field3]]\n"
        parts.append(_send(_request("REGISTER", 2, extra + expires + login, ""), again=True))
        parts.append('<recv response="200"/>\n')
    elif method == "MESSAGE":
        for number in range(1, rng.choice((2, 3, 4))):
            parts.append(_send(_request("MESSAGE", number, extra, "[field2]", "text/plain"), again=True))
            parts.append('<recv response="200"/>\n')
    else:
        for number in range(1, rng.choice((2, 2, 4))):
            parts.append(_send(_request("OPTIONS", number, extra + "Accept: application/sdp\n", ""), again=True))
            parts.append('<recv response="200"/>\n')
            parts.append('<pause milliseconds="30"/>\n')
    return "".join([*parts, _TAIL])


def answers(method: str, rng: random.Random, day: int) -> str:
    """What is answered to a request; on day 2 with more header fields."""
    server = (
        "" if day == 1 else f"Server: {word(rng).title()} {word(rng).title()} 2.1\nAllow: INVITE, ACK, BYE, OPTIONS\n"
    )
    back = _BACK.format(tag=_TAG)
    contact = "Contact: <sip:[local_ip]:[local_port];transport=[transport]>\n"
    end = f"{server}Content-Length: 0\n\n"
    parts = [_HEAD]
    if method == "INVITE":
        parts.append('<recv request="INVITE"/>\n')
        parts.append(_send(f"SIP/2.0 180 Ringing\n{back}{contact}{end}"))
        parts.append(f'<pause milliseconds="{rng.choice((10, 40))}"/>\n')
        body = _description(rng)
        ok = f"SIP/2.0 200 OK\n{back}{contact}{server}Content-Type: application/sdp\nContent-Length: [len]\n\n{body}"
        parts += [_send(ok, again=True), '<recv request="ACK"/>\n', '<recv request="BYE"/>\n']
        parts.append(_send(f"SIP/2.0 200 OK\n{_BACK.format(tag='')}{contact}{end}"))
    elif method == "REGISTER":
        challenge = f'WWW-Authenticate: Digest realm="lab.test", nonce="{rng.getrandbits(128):032x}", algorithm=MD5'
        parts.append('<recv request="REGISTER"/>\n')
        parts.append(_send(f"SIP/2.0 401 Unauthorized\n{back}{challenge}\n{end}"))
        parts.append('<recv request="REGISTER"/>\n')
        parts.append(_send(f"SIP/2.0 200 OK\n{back}[last_Contact:]\n{end}"))
    else:
        accept = "Accept: application/sdp, text/plain\n" if method == "OPTIONS" else ""
        again = _send(f"SIP/2.0 200 OK\n{back}{contact}{accept}{end}").replace("<send>", '<send next="1">')
        parts += ['<label id="1"/>\n', f'<recv request="{method}"/>\n', again]
    return "".join([*parts, _TAIL])
