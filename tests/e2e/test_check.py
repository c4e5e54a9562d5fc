"""`flagmesh check` names file, line, column and the mend for every mistake it finds."""
import unittest

from harness import process
from harness.mesh import MeshTest

GOOD = """\
proxy:
  listeners:
    - address: 127.0.0.1:9071
  routes:
    - path: /checkout
      flag: checkout
      serve: { "on": checkout-v2, "off": checkout-v1 }
      fallback: checkout-v1
      bucket_by: ["header:x-user-id", "cookie:uid", mint]
    - path: /
      container: checkout-v1
  containers:
    checkout-v1: { endpoints: ["127.0.0.1:7001"] }
    checkout-v2: { endpoints: ["127.0.0.1:7002"] }
flags:
  files: ["flags.yaml"]
trust:
  policy: unsigned
"""
FLAGS = """\
flags:
  checkout:
    state: ENABLED
    variants: { "on": true, "off": false }
    defaultVariant: "off"
    rollout: { "on": 25, "off": 75 }
"""

# (what is wrong, text of GOOD, what replaces it, line, words that the message must contain)
MISTAKES = [
    ("unknown key", "    checkout-v2: { endpoints:", "    checkout-v2: { endpoint:", 14, ["endpoint", "endpoints"]),
    ("unknown top key", "trust:", "trusts:", 17, ["trusts", "trust"]),
    ("wrong type", "  listeners:\n    - address: 127.0.0.1:9071", "  workers: many", 2, ["workers"]),
    ("unknown container", "container: checkout-v1", "container: checkout-v3", 11, ["checkout-v3", "checkout-v"]),
    ("unknown container in serve", '"on": checkout-v2,', '"on": checkout-v9,', 7, ["checkout-v9"]),
    ("unknown flag", "flag: checkout", "flag: chekout", 6, ["chekout", "checkout"]),
    ("variant that the flag does not have", '{ "on": checkout-v2', '{ "onn": checkout-v2', 7, ["onn"]),
    ("flag route without fallback", "      fallback: checkout-v1\n", "", 6, ["fallback"]),
    ("bad endpoint", '["127.0.0.1:7001"]', '["127.0.0.1:70010"]', 13, ["70010"]),
    ("bad policy", "policy: unsigned", "policy: unsinged", 18, ["unsinged", "unsigned"]),
    ("not YAML", "trust:\n", "trust: [\n", None, []),
]


class Check(MeshTest):
    def check(self, config=GOOD, flags=FLAGS, code=0, options=()):
        self.write("flags.yaml", flags)
        self.write("flagmesh.yaml", config)
        done = process.run("check", "flagmesh.yaml", *options, folder=self.folder, code=code)
        return done.stdout + done.stderr

    def test_good_file(self):
        self.check()

    def test_every_mistake_is_found_where_it_is(self):
        for name, text, instead, line, words in MISTAKES:
            with self.subTest(name):
                self.assertIn(text, GOOD)
                said = self.check(GOOD.replace(text, instead, 1), code=1)
                self.assertRegex(said, rf"flagmesh\.yaml:{line or '[0-9]+'}:[0-9]+: ")
                for word in words:
                    self.assertIn(word, said)

    def test_all_mistakes_in_one_run(self):
        config = GOOD.replace("container: checkout-v1", "container: nothing").replace("policy: unsigned", "policy: some")
        said = self.check(config, code=1)
        self.assertRegex(said, r"flagmesh\.yaml:11:")
        self.assertRegex(said, r"flagmesh\.yaml:18:")

    def test_weights_that_are_zero(self):
        said = self.check(flags=FLAGS.replace('"on": 25, "off": 75', '"on": 0, "off": 0'), code=1)
        self.assertRegex(said, r"flags\.yaml:6:[0-9]+: ")

    def test_flag_file_with_an_unknown_default(self):
        said = self.check(flags=FLAGS.replace('defaultVariant: "off"', 'defaultVariant: "offf"'), code=1)
        self.assertRegex(said, r"flags\.yaml:5:[0-9]+: ")
        self.assertIn("off", said)

    def test_missing_file(self):
        done = process.run("check", "nothing.yaml", folder=self.folder, code=None)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("nothing.yaml", done.stdout + done.stderr)

    def test_proxy_refuses_to_start_with_the_same_words(self):
        said = self.check(GOOD.replace("container: checkout-v1", "container: nothing"), code=1)
        started = process.run("proxy", "-c", "flagmesh.yaml", folder=self.folder, code=None)
        self.assertNotEqual(started.returncode, 0)
        place = said.split(": error")[0].splitlines()[-1].strip()
        self.assertIn(place, started.stdout + started.stderr)

    def test_every_command_has_help_with_an_example(self):
        commands = ["proxy", "engine", "validator", "lock", "verify", "demo", "check", "keygen", "eval", "set", "status"]
        overview = process.run("--help").stdout
        for command in commands:
            self.assertIn(command, overview)
            text = process.run(command, "--help").stdout
            self.assertIn(f"flagmesh {command}", text, command)


if __name__ == "__main__":
    unittest.main()
