"""`flagmesh prove` and `flagmesh verify-proof`: one file, checked with public keys alone."""
import base64
import hashlib
import unittest

from harness import client, process
from harness.mesh import CHECKOUT, ORIGIN, Mesh, MeshTest
from harness.waiting import eventually

FLAGS = {"checkout": CHECKOUT} | {f"flag-{n}": CHECKOUT | {"rollout": {"on": n, "off": 100 - n}} for n in range(20)}


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def root_of(leaf, index, size, path):
    """RFC 9162 section 2.1.3.2, written again from the RFC."""
    number, last, root = index, size - 1, leaf
    for sibling in path:
        if number & 1 or number == last:
            root = sha(b"\x01", sibling, root)
            while number and not number & 1:
                number, last = number >> 1, last >> 1
        else:
            root = sha(b"\x01", root, sibling)
        number, last = number >> 1, last >> 1
    return root


class Proofs(MeshTest):
    def setUp(self):
        super().setUp()
        self.mesh = Mesh(self, FLAGS, validator=True)
        secret = self.mesh.folder / "tenant.secret"
        process.run("keygen", "--secret", "--out", secret)
        self.engine = self.mesh.engine(tenant_secret=str(secret))
        self.mesh.validator(tenant_secret=str(secret))
        self.router = self.mesh.router()
        self.file = self.folder / "checkout.proof"

    def prove(self, flag="checkout", code=0):
        return process.run("prove", flag, "-o", self.file, "--engine", f"http://{self.mesh.api}", code=code)

    def verify(self, *options, code=0):
        return process.run("verify-proof", self.file, *(options or ("--keys", self.mesh.engine_key, self.mesh.validator_key)), code=code)

    def test_proof_of_one_flag(self):
        self.prove()
        said = self.verify().stdout
        self.assertIn("flag checkout of tenant default, proven in epoch 1 of mesh.test/flags", said)
        self.assertIn("2 keys signed", said)
        self.assertIn('"key":"checkout"', said)
        # It shows no other flag.
        text = self.file.read_text()
        self.assertNotIn("flag-7", text)
        self.assertEqual(text, client.fetch(self.mesh.api, "/api/v1/proofs/checkout").body.decode())
        config = self.mesh.folder / "router.json"
        self.assertIn("proven", self.verify("-c", config, "--max-age", "600").stdout)

    def test_proof_without_any_code_of_ours(self):
        self.prove("flag-7")
        fields, rest = {}, self.file.read_text()
        own, _, log_proof = rest.partition("c2sp.org/tlog-proof@v1\n")
        for line in own.splitlines()[1:]:
            word, _, value = line.partition(" ")
            fields[word] = value

        def place(text):
            index, leaves, *path = text.split(" ")
            return int(index), int(leaves), [base64.b64decode(item) for item in path if item != "-"]

        def leaf(opening, json):
            return sha(b"\x00", b"\x01", bytes.fromhex(opening), json)

        tenant_root = root_of(leaf(fields["opening"], fields["flag"].encode()), *place(fields["flag-proof"]))
        tenant = b'{"flags":%s,"root":"%s","tenant":"default"}' % (fields["tenant-flags"].encode(), tenant_root.hex().encode())
        record = base64.b64decode(fields["record"])
        self.assertEqual(root_of(leaf(fields["tenant-opening"], tenant), *place(fields["tenant-proof"])), record[17:49])
        head, _, checkpoint = log_proof.partition("\n\n")
        index, *path = head.splitlines()
        origin, size, root = checkpoint.splitlines()[:3]
        self.assertEqual(origin, ORIGIN)
        self.assertEqual(root_of(sha(b"\x00", record), int(index.removeprefix("index ")), int(size),
                                 [base64.b64decode(item) for item in path]), base64.b64decode(root))

    def test_altered_proofs_are_not_proven(self):
        self.prove()
        good = self.file.read_text()
        for old, new, code in (('["on",25]', '["on",26]', "root_mismatch"), ("tenant-flags 21", "tenant-flags 22", "root_mismatch"),
                               ("index 0", "index 1", "bad_index"), ("flagmesh proof 1", "flagmesh proof 2", "bad_proof_file"),
                               (good[-30:-20], "AAAAAAAAAA", "bad_signature")):
            self.assertIn(old, good)
            self.file.write_text(good.replace(old, new))
            self.assertIn(code, self.verify(code=1).stdout, old)
        self.file.write_text(good[:-200])
        self.verify(code=1)

    def test_keys_decide(self):
        self.prove()
        stranger = self.mesh.keygen(ORIGIN, "stranger.key")
        self.verify("--keys", stranger, code=1)
        self.assertIn("not_enough_signatures", self.verify("--keys", self.mesh.engine_key, stranger, code=1).stdout)
        self.verify("--keys", self.mesh.engine_key, stranger, "--required", "1")
        self.verify("--max-age", "60", code=2)  # without keys nothing is proven

    def test_unknown_flag_and_later_epoch(self):
        self.assertIn("there is no flag", self.prove("nothing", code=1).stderr)
        self.mesh.set_rollout({"on": 50, "off": 50})
        self.mesh.wait_for_epoch(2, self.router)
        self.prove()
        self.assertIn("epoch 2", self.verify().stdout)
        self.assertIn('["on",50]', self.file.read_text())


if __name__ == "__main__":
    unittest.main()
