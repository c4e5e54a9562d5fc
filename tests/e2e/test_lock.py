"""`flagmesh lock` and `flagmesh verify`: what was approved is what is there, or the difference is named."""
import unittest

from harness import process
from harness.mesh import MeshTest

CHECKOUT = """\
flags:
  checkout:
    state: ENABLED
    variants: { "on": true, "off": false }
    defaultVariant: "off"
    rollout: { "on": 25, "off": 75 }
"""
SEARCH = """\
flags:
  search:
    enabled: true
    variants: { v1: v1, v2: v2 }
    defaultVariant: v1
    rollout: { v2: 5, v1: 95 }
  banner:
    state: DISABLED
    variants: { "on": true, "off": false }
    defaultVariant: "off"
"""


class Lock(MeshTest):
    def setUp(self):
        super().setUp()
        self.checkout = self.write("checkout.yaml", CHECKOUT)
        self.search = self.write("search.yaml", SEARCH)
        self.lock = self.folder / "flags.lock"
        self.key = self.keygen("approver.key")
        self.flagmesh("lock", "--tenant", "default", self.checkout, self.search, "-o", self.lock, "--key", "approver.key")

    def flagmesh(self, *arguments, code=0):
        return process.run(*arguments, folder=self.folder, code=code)

    def keygen(self, file):
        return self.flagmesh("keygen", "--name", "approver.mesh.test", "--approver", "--out", file).stdout.strip()

    def verify(self, *options, code=0):
        done = self.flagmesh("verify", self.lock, self.checkout, self.search, *options, code=code)
        return done.stdout + done.stderr

    def test_what_was_locked_verifies(self):
        self.verify("--keys", self.key)

    def test_one_changed_weight_names_file_and_flag(self):
        self.search.write_text(SEARCH.replace("v2: 5, v1: 95", "v2: 6, v1: 94"))
        said = self.verify("--keys", self.key, code=1)
        self.assertIn("search.yaml", said)
        self.assertIn("search", said)
        self.assertNotIn("checkout.yaml", said)
        self.assertNotIn("banner", said)

    def test_added_and_removed_flags_are_named(self):
        self.search.write_text(SEARCH.replace("banner", "ribbon"))
        said = self.verify("--keys", self.key, code=1)
        self.assertIn("banner", said)
        self.assertIn("ribbon", said)

    def test_altered_lock_is_refused(self):
        text = self.lock.read_text()
        position = text.index("checkout")
        self.lock.write_text(text[:position] + "checkouT" + text[position + 8:])
        done = process.run("verify", self.lock, self.checkout, self.search, "--keys", self.key, code=None)
        self.assertIn(done.returncode, (1, 2), done)

    def test_lock_signed_by_someone_else_is_refused(self):
        self.verify("--keys", self.keygen("stranger.key"), code=1)

    def test_missing_file_is_named(self):
        done = self.flagmesh("verify", self.lock, self.checkout, "--keys", self.key, code=1)
        self.assertIn("search.yaml", done.stdout + done.stderr)

    def test_diff_names_what_changed(self):
        self.search.write_text(SEARCH.replace("v2: 5, v1: 95", "v2: 6, v1: 94"))
        after = self.folder / "after.lock"
        self.flagmesh("lock", self.checkout, self.search, "-o", after, "--base", self.lock, "--key", "approver.key")
        said = self.flagmesh("diff", self.lock, after, code=1).stdout
        self.assertIn("search", said)
        self.assertNotIn("checkout", said)
        self.flagmesh("diff", self.lock, self.lock)

    def test_same_flags_give_the_same_lock_body(self):
        again = self.folder / "again.lock"
        self.flagmesh("lock", "--tenant", "default", self.search, self.checkout, "-o", again, "--key", "approver.key")
        root = lambda file: [line for line in file.read_text().splitlines() if "root" in line]
        self.assertEqual(root(again), root(self.lock))
        self.assertTrue(root(again))


if __name__ == "__main__":
    unittest.main()
