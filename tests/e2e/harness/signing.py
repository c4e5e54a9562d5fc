"""What an attacker with stolen keys can make: Ed25519 (RFC 8032), C2SP signed notes and cosignatures. Slow and not constant-time:
for forgeries in tests only."""
import base64
import hashlib
import pathlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ED25519, COSIGNATURE = 1, 4


def _add(a, b):
    x1, y1, z1, t1 = a
    x2, y2, z2, t2 = b
    e, f = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    g, h = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(number, point):
    total = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = _add(total, point)
        point = _add(point, point)
        number >>= 1
    return total


def _base():
    y = 4 * pow(5, P - 2, P) % P
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x & 1:
        x = P - x
    return x, y, 1, x * y % P


BASE = _base()


def _compress(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


class Key:
    """A private key as `flagmesh keygen` writes it; `kind` may be another one than the file says."""

    def __init__(self, file, kind=None, name=None):
        own_name, _, data = _split(file)
        raw = base64.b64decode(data)
        self.name = name or own_name
        self.kind = kind or raw[0]
        digest = hashlib.sha512(raw[1:]).digest()
        scalar = int.from_bytes(digest[:32], "little")
        self._scalar = scalar & ((1 << 254) - 8) | 1 << 254
        self._prefix = digest[32:]
        self.public = _compress(_times(self._scalar, BASE))
        self.key_id = hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def raw_signature(self, message):
        number = int.from_bytes(hashlib.sha512(self._prefix + message).digest(), "little") % L
        point = _compress(_times(number, BASE))
        challenge = int.from_bytes(hashlib.sha512(point + self.public + message).digest(), "little") % L
        return point + ((number + challenge * self._scalar) % L).to_bytes(32, "little")

    def line(self, text, seconds=0):
        """A signature line of a note with this text."""
        if self.kind == COSIGNATURE:
            body = seconds.to_bytes(8, "big") + self.raw_signature(b"cosignature/v1\ntime %d\n" % seconds + text)
        else:
            body = self.raw_signature(text)
        return "— ".encode() + self.name.encode() + b" " + base64.b64encode(self.key_id + body) + b"\n"


def _split(file):
    """name, key id and data of PRIVATE+KEY+NAME+ID+DATA; base64 may have '+', names have none."""
    text = pathlib.Path(file).read_text().strip()
    name, key_id, data = text.removeprefix("PRIVATE+KEY+").split("+", 2)
    return [name, key_id, data]


def note(text, *lines):
    return text + b"\n" + b"".join(lines)


def checkpoint(origin, size, root):
    return f"{origin}\n{size}\n".encode() + base64.b64encode(root) + b"\n"
