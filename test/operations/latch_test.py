"""A damaged, missing or foreign latch never starts a service that takes writes, and says so loudly."""

import os
import re
import shutil

from daemon import service_toml
from story import OperationsTest, main
from wire import wait_for

SLOT = 4096


class LatchTest(OperationsTest):
    def setUp(self):
        super().setUp()
        self.primary, self.backup = self.pair()
        self.daemon = self.salon(self.primary, self.backup)
        self.latch = os.path.join(self.daemon.state_dir, "salon.latch")

    def fail_over(self):
        """Returns once the journal, which is written later than the latch, knows it too."""
        self.run_cli(self.daemon, "failover")
        _, epoch = self.daemon.mode()
        path = os.path.join(self.daemon.state_dir, "journal.jsonl")

        def is_written():
            with open(path, encoding="utf-8") as file:
                return re.search(rf'"epoch":{epoch}\b', file.read())

        wait_for("the journal knows the failover", is_written)

    def damage(self, slot):
        """Turns a few bytes in the middle of a slot over, as a torn write would leave them."""
        with open(self.latch, "r+b") as file:
            file.seek(slot * SLOT + 60)
            piece = file.read(16)
            file.seek(slot * SLOT + 60)
            file.write(bytes(byte ^ 0x15 for byte in piece))
        self.say(f"slot {slot} of the latch is damaged")

    def newest_slot(self):
        with open(self.latch, "rb") as file:
            content = file.read()
        self.assertEqual(len(content), 2 * SLOT)
        texts = [content[:SLOT], content[SLOT:]]
        epochs = [int(t.split(b'"epoch":')[1].split(b",")[0]) if b'"epoch":' in t else 0 for t in texts]
        return epochs.index(max(epochs))

    def assert_read_only_and_loud(self, *words):
        mode, _ = self.daemon.mode()
        self.assertEqual(mode, "primary-readonly")
        log = self.daemon.log()
        for word in (*words, "primary-readonly"):
            self.assertIn(word, log, "the log does not say what is wrong")
        self.assertEqual(self.daemon.ask("POST", "/book", b"x").status, 503)
        self.assertEqual(self.daemon.ask("GET", "/").status, 200)

    def test_sides_that_were_swapped_between_two_starts_are_said_loudly(self):
        self.daemon.restart()
        self.assertEqual(self.daemon.status()["warnings"], [])
        self.daemon.services = service_toml([self.backup], [self.primary])
        self.daemon.restart()
        warnings = "\n".join(self.daemon.status()["warnings"])
        self.assertIn(f"{self.primary.address} (was primary, is backup)", warnings)
        self.assertIn(f"{self.backup.address} (was backup, is primary)", warnings)
        self.daemon.restart()
        self.assertEqual(self.daemon.status()["warnings"], [], "said again although nothing moved since")

    def test_one_torn_slot_costs_only_the_change_that_it_held(self):
        self.run_cli(self.daemon, "freeze")
        self.fail_over()
        # The journal would know better; only the latch speaks here.
        self.daemon.kill9()
        os.unlink(os.path.join(self.daemon.state_dir, "journal.jsonl"))
        self.damage(self.newest_slot())
        self.daemon.start()
        self.assertEqual(self.daemon.mode(), ("primary-readonly", 2))
        self.assertIn("torn", self.daemon.log())

    def test_a_torn_older_slot_costs_nothing(self):
        self.run_cli(self.daemon, "freeze")
        self.fail_over()
        self.daemon.kill9()
        self.damage(1 - self.newest_slot())
        self.daemon.start()
        self.assertEqual(self.daemon.mode(), ("backup-readonly", 3))

    def test_a_torn_newest_slot_never_makes_it_more_permissive_than_the_journal_says(self):
        self.fail_over()
        self.daemon.kill9()
        self.damage(self.newest_slot())
        self.daemon.start()
        mode, epoch = self.daemon.mode()
        self.assertNotIn(mode, ("primary", "backup-writable"))
        self.assertGreaterEqual(epoch, 2)

    def test_two_damaged_slots(self):
        self.fail_over()
        self.daemon.kill9()
        self.damage(0)
        self.damage(1)
        self.daemon.start()
        self.assert_read_only_and_loud("damaged")
        self.assertGreater(self.daemon.mode()[1], 2, "the epoch went back")
        self.fail_over()
        self.daemon.restart()
        self.assertEqual(self.daemon.mode()[0], "backup-readonly", "the latch was not made whole again")

    def test_an_empty_and_a_shortened_latch(self):
        self.fail_over()
        for size in (0, SLOT, 2 * SLOT - 1):
            self.daemon.kill9()
            os.truncate(self.latch, size)
            self.say(f"the latch is cut to {size} bytes")
            self.daemon.start()
            self.assert_read_only_and_loud()

    def test_a_lost_latch_of_a_service_that_the_journal_knows(self):
        self.fail_over()
        self.daemon.kill9()
        os.unlink(self.latch)
        self.daemon.start()
        self.assert_read_only_and_loud("missing")
        self.assertGreater(self.daemon.mode()[1], 2, "the epoch went back")

    def test_a_latch_of_a_newer_version(self):
        self.daemon.kill9()
        with open(self.latch, "r+b") as file:
            head = file.read(32)
            file.seek(0)
            file.write(head.replace(b"halfdoor-latch 1 ", b"halfdoor-latch 9 "))
        self.daemon.start()
        self.assert_read_only_and_loud("newer")

    def test_a_lost_state_dir_starts_anew_in_the_fresh_mode(self):
        self.fail_over()
        self.daemon.kill9()
        shutil.rmtree(self.daemon.state_dir)
        self.daemon.start()
        self.assertEqual(self.daemon.mode(), ("primary", 1))
        self.daemon.kill9()
        shutil.rmtree(self.daemon.state_dir)
        self.daemon.server += '\nfresh_mode = "primary-readonly"'
        self.daemon.start()
        self.assertEqual(self.daemon.mode(), ("primary-readonly", 1))

    def test_a_symlink_in_place_of_the_latch_is_not_followed(self):
        self.fail_over()
        self.daemon.kill9()
        target = os.path.join(self.folder, "elsewhere")
        os.rename(self.latch, target)
        os.symlink(target, self.latch)
        self.daemon.start()
        self.assert_read_only_and_loud("cannot be read")


if __name__ == "__main__":
    main()
