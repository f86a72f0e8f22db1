"""Servers that are given by name: their name server changes its mind, dies, hangs, lies, and nobody who visits notices."""

import os
import signal
import socket
import time

from dns_server import DnsServer
from story import OperationsTest, main
from wire import request, wait_for


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as one:
            one.bind(("::1", 0))
        return True
    except OSError:
        return False


def answered_by(requests):
    return {r["host"] for r in requests}


class ResolverTest(OperationsTest):
    def setUp(self):
        super().setUp()
        self.dns = DnsServer()
        self.addCleanup(self.dns.close)

    def machines(self, *ips):
        """Hosts on one port of several addresses, as a name that moves from one to the other needs them."""
        first = self.host(f"at-{ips[0]}", ip=ips[0])
        return [first] + [self.host(f"at-{ip}", ip=ip, port=first.port) for ip in ips[1:]]

    def named_salon(self, primary, backup, start=True, **more):
        return self.salon(primary, backup, start=start, extra=f"[resolver]\nservers = [\"{self.dns.address}\"]", **more)

    def server(self, daemon, side="primary", index=0):
        return daemon.service()[side]["servers"][index]

    def check_requests(self, load, backup="backup"):
        """Nobody noticed: every request was answered, and nothing was sent twice."""
        requests = load.stop()
        sides = {host.name: "backup" if host.name == backup else "primary" for host in self.hosts}
        self.assertFalse([r for r in requests if r["status"] != 200], "a request failed")
        self.assertFalse([r for r in requests if r["served_by"]], "a read fell back to the backup")
        # The log names servers as they are written, which may be several hosts.
        self.check_histories(requests=requests, sides=sides, log=[])
        return requests

    def test_a_name_that_changes_under_load_takes_new_connections_with_it_and_breaks_none(self):
        old, new = self.machines("127.0.0.2", "127.0.0.3")
        self.dns.put("app.test", a=["127.0.0.2"], ttl=1)
        daemon = self.named_salon(f"app.test:{old.port}", self.host("backup"))
        self.assertEqual(self.server(daemon)["resolved"], [old.address])
        old.plan("/slow", gate="later")
        with daemon.connect() as slow:
            slow.send(request("GET", "/slow"))
            wait_for("the slow request is at the old host", lambda: old.arrival("/slow"))
            load = self.load(daemon, readers=4, writers=2)
            wait_for("the old host answers", lambda: len(load.answered(200)) > 50)
            self.assertEqual(answered_by(load.answered(200)), {old.name})
            self.dns.put("app.test", a=["127.0.0.3"], ttl=1)
            self.say("app.test is 127.0.0.3 now")
            wait_for("the change is known", lambda: self.server(daemon)["resolved"] == [new.address], seconds=10)
            self.say("halfdoor knows")
            # What was in flight when it learned of it ends where it is; from then on nothing goes there any more.
            wait_for("the new host answers", lambda: [r for r in load.answered(200) if r["host"] == new.name])
            known = time.monotonic() + 1
            wait_for("more answers", lambda: len([r for r in load.answered(200) if r["sent"] > known]) > 50)
            later = [r for r in load.answered(200) if r["sent"] > known]
            self.assertEqual(answered_by(later), {new.name})
            old.open("later")
            self.assertEqual(slow.read_response().status, 200, "an exchange on an old connection was broken")
        self.check_requests(load)
        self.assertIn(f"salon primary app.test:{old.port}: {old.address} -> {new.address}", daemon.log())
        self.assertGreaterEqual(daemon.metric("halfdoor_name_changes_total"), 2)

    def test_connections_whose_address_still_fits_stay(self):
        one, two = self.machines("127.0.0.2", "127.0.0.3")
        self.dns.put("app.test", a=["127.0.0.2"], ttl=1)
        daemon = self.named_salon(f"app.test:{one.port}", self.host("backup"), server="workers = 1")
        with daemon.connect() as client:
            self.assertEqual(client.ask("GET", "/1").field("X-Host"), one.name)
            # The kept connection is used again and again, while the answer grows by another address.
            self.dns.put("app.test", a=["127.0.0.3", "127.0.0.2"], ttl=1)
            wait_for("both addresses are known", lambda: (client.ask("GET", "/2"),
                                                          len(self.server(daemon)["resolved"]) == 2)[1], seconds=10)
            for i in range(10):
                self.assertEqual(client.ask("GET", f"/3/{i}").field("X-Host"), one.name)
        self.assertEqual(len({a.conn for a in one.arrivals() if a.target != "/healthz"}), 1)
        self.assertEqual([a for a in two.arrivals() if a.target != "/healthz"], [])
        # When the one does not take connections any more the other is tried, and nobody notices.
        one.stop_listening()
        self.assertEqual(daemon.ask("POST", "/w", b"x=1").field("X-Host"), two.name)
        wait_for("checks find the other address, too", lambda: self.server(daemon)["healthy"])
        self.assertEqual(daemon.metric("halfdoor_fallback_reads_total"), 0)

    def test_without_a_name_server_it_goes_on_with_the_last_good_answer(self):
        host = self.host("at", ip="127.0.0.2")
        self.dns.put("app.test", a=["127.0.0.2"], ttl=1)
        daemon = self.named_salon(f"app.test:{host.port}", self.host("backup"))
        load = self.load(daemon, readers=2, writers=1)
        troubles = [("dead", "Could not contact DNS servers"), ("servfail", ""), ("hang", "Timeout"), ("gone", "not found")]
        for trouble, words in troubles:
            asked = len(self.dns.questions())
            if trouble == "dead":
                self.dns.die()
            elif trouble == "gone":
                self.dns.remove("app.test")
            else:
                self.dns.trouble = trouble
            error = wait_for(f"an error: {trouble}", lambda: self.server(daemon)["resolve_error"], seconds=20)
            self.say(f"{trouble}: {error}")
            self.assertIn(words, error)
            self.assertIn("the last good answer is kept", error)
            self.assertEqual(self.server(daemon)["resolved"], [host.address])
            self.assertIn(error, " ".join(daemon.status()["warnings"]))
            self.assertEqual(daemon.ask("GET", f"/{trouble}").status, 200)
            if trouble == "dead":
                self.dns.revive()
            self.dns.trouble = None
            self.dns.put("app.test", a=["127.0.0.2"], ttl=1)
            wait_for("it is resolved again", lambda: self.server(daemon)["resolve_error"] is None, seconds=40)
            self.assertGreater(len(self.dns.questions()), asked)
        self.assertEqual(daemon.status()["warnings"], [])
        self.assertEqual(answered_by(self.check_requests(load)), {host.name})

    def test_it_starts_and_serves_without_a_name_server_and_heals_by_itself(self):
        host, backup = self.host("at", ip="127.0.0.2"), self.host("backup")
        self.dns.put("app.test", a=["127.0.0.2"], ttl=1)
        self.dns.trouble = "hang"
        began = time.monotonic()
        daemon = self.named_salon(f"app.test:{host.port}", backup)
        took = time.monotonic() - began
        self.say(f"ready after {took:.1f} s")
        self.assertLess(took, 15, "it waits for names for 3 s at most")
        # It gives up at about the same time as the question does.
        unresolved = f"salon primary app.test:{host.port} (is not resolved yet|cannot be resolved: Timeout)"
        self.assertRegex(daemon.log(), unresolved)
        self.assertRegex(" ".join(daemon.status()["warnings"]), unresolved)
        self.assertEqual(self.server(daemon)["resolved"], [])
        answer = daemon.ask("GET", "/")
        self.assertEqual((answer.status, answer.field("X-Host")), (200, "backup"))
        self.assertEqual(daemon.ask("POST", "/w", b"x=1").status, 502)
        self.assertEqual(daemon.uncertain(), [])
        ran = self.run_cli(daemon, "status")
        self.assertRegex(ran.out, unresolved)
        self.dns.trouble = None
        wait_for("it is resolved", lambda: self.server(daemon)["resolved"] == [host.address], seconds=40)
        self.assertEqual(daemon.ask("POST", "/w", b"x=1").field("X-Host"), host.name)
        self.assertEqual(daemon.status()["warnings"], [])

    def test_what_the_operator_sends_during_the_start_is_not_lost(self):
        self.dns.trouble = "hang"
        daemon = self.named_salon("app.test:80", self.host("backup"), start=False).start(wait=False)
        wait_for("it asks", lambda: self.dns.questions("app.test"))
        daemon.signal(signal.SIGUSR1)
        daemon.wait_until_serving()
        wait_for("the failover", lambda: daemon.mode()[0] == "backup-readonly")
        stopped = self.named_salon("app.test:80", self.host("backup"), start=False).start(wait=False)
        before = len(self.dns.questions("app.test"))
        wait_for("it asks", lambda: len(self.dns.questions("app.test")) > before)
        stopped.signal(signal.SIGTERM)
        self.assertEqual(stopped.process.wait(20), 0)

    def test_a_wrong_name_is_warned_of_and_holds_up_nobody(self):
        host = self.host("at", ip="127.0.0.2")
        self.dns.put("app.test", a=["127.0.0.2"])
        daemon = self.named_salon([f"app.test:{host.port}", "no-such.test:80"], self.host("backup"))
        self.assertIn("salon primary no-such.test:80 cannot be resolved: Domain name not found",
                      " ".join(daemon.status()["warnings"]))
        for i in range(6):
            self.assertEqual(daemon.ask("POST", f"/{i}", b"x=1").field("X-Host"), host.name)
        shown = self.run_cli(daemon, "status").out
        self.assertIn(f"app.test:{host.port} ({host.address})", shown)
        self.assertIn("no-such.test:80 (not resolved)", shown)
        ran = self.run_cli(daemon, "check", "-c", daemon.config_path)
        self.assertIn("warning:", ran.err)
        self.assertIn("no-such.test:80 cannot be resolved", ran.err)
        self.assertNotIn(f"app.test:{host.port} ", ran.err)
        self.assertIn("ok", ran.out)

    def test_both_families_and_names_of_names(self):
        four, six = self.machines("127.0.0.2", *(["::1"] if has_ipv6() else ["127.0.0.3"]))
        cases = {"four.test": ({"a": ["127.0.0.2"]}, four), "alias.test": ({"cname": "four.test"}, four),
                 "far.test": ({"cname": "alias.test"}, four)}
        if has_ipv6():
            cases["six.test"] = ({"aaaa": ["::1"]}, six)
            self.dns.put("both.test", a=["127.0.0.2"], aaaa=["::1"])
        else:
            self.say("this machine has no IPv6: two addresses of one family instead")
            self.dns.put("both.test", a=["127.0.0.3", "127.0.0.2"])
        for name, (records, _) in cases.items():
            self.dns.put(name, **records)
        self.dns.put("many.test", a=[f"127.1.{i // 200}.{i % 200 + 1}" for i in range(1000)])
        daemon = self.halfdoor("".join(f"""[[service]]
name = "{name.split('.')[0]}"
hosts = ["{name}"]
primary.servers = ["{name}:{four.port}"]
backup.servers = ["127.0.0.1:9"]
""" for name in (*cases, "both.test", "many.test")), extra=f"[resolver]\nservers = [\"{self.dns.address}\"]")
        for name, (_, host) in cases.items():
            self.assertEqual(daemon.ask("GET", "/", host=name).field("X-Host"), host.name, name)
        both = daemon.service("both")["primary"]["servers"][0]["resolved"]
        self.assertEqual(sorted(both), sorted([six.address, four.address]))
        # One of them is dead: the other one serves, a write too.
        six.stop_listening()
        self.assertEqual(daemon.ask("POST", "/", b"x=1", host="both.test").field("X-Host"), four.name)
        # A thousand addresses come over TCP, and some of them are enough.
        self.assertEqual(len(daemon.service("many")["primary"]["servers"][0]["resolved"]), 16)
        self.assertIn("tcp", {asked[3] for asked in self.dns.questions("many.test")})

    def test_a_name_that_leads_to_the_other_side_is_not_followed(self):
        primary, backup = self.machines("127.0.0.2", "127.0.0.3")
        self.dns.put("a.test", a=["127.0.0.2"])
        self.dns.put("b.test", a=["127.0.0.3"])
        daemon = self.named_salon(f"a.test:{primary.port}", f"b.test:{primary.port}")
        load = self.load(daemon, readers=2, writers=2)
        wait_for("answers", lambda: len(load.answered(200)) > 20)
        # As if somebody had switched over by DNS, the old way: no write may follow.
        self.dns.put("a.test", a=["127.0.0.3"])
        error = wait_for("it is noticed", lambda: self.server(daemon)["resolve_error"], seconds=10)
        self.assertIn("leads to an address of the backup", error)
        self.assertEqual(self.server(daemon)["resolved"], [primary.address])
        wait_for("a line in the log", lambda: "leads to an address of the backup" in daemon.log())
        enough = len(load.answered(200)) + 50
        wait_for("more answers", lambda: len(load.answered(200)) > enough)
        self.assertEqual(answered_by(self.check_requests(load, backup.name)), {primary.name})
        self.assertFalse([a for a in backup.arrivals() if a.target != "/healthz"])
        # A restart knows of no good answer: what may be the backup is never written to.
        daemon.restart()
        self.assertEqual(self.server(daemon)["resolved"], [])
        answer = daemon.ask("GET", "/read")
        self.assertEqual((answer.status, answer.field("X-Host")), (200, backup.name))
        self.assertEqual(daemon.ask("POST", "/write", b"x=1").status, 502)
        self.assertFalse([a for a in backup.arrivals() if a.method == "POST"])

    def test_a_server_in_trouble_has_its_name_asked_for_before_its_time(self):
        old, new = self.machines("127.0.0.2", "127.0.0.3")
        self.dns.put("app.test", a=["127.0.0.2"], ttl=3600)
        daemon = self.named_salon(f"app.test:{old.port}", self.host("backup"))
        self.assertEqual(daemon.ask("GET", "/").field("X-Host"), old.name)
        asked = len(self.dns.questions())
        self.dns.put("app.test", a=["127.0.0.3"], ttl=3600)
        old.kill()
        wait_for("the new host serves", lambda: daemon.ask("GET", "/").field("X-Host") == new.name)
        # As often as once a second, for both families.
        self.assertLess(len(self.dns.questions()) - asked, 2 * 25)

    def test_the_hosts_file_comes_first(self):
        host = self.host("at")
        self.dns.put("localhost", a=["127.0.0.9"])
        daemon = self.named_salon(f"localhost:{host.port}", self.host("backup"))
        self.assertIn(host.address, self.server(daemon)["resolved"])
        self.assertEqual(daemon.ask("POST", "/", b"x=1").field("X-Host"), host.name)
        self.assertEqual(self.dns.questions(), [])

    def test_addresses_are_never_asked_for(self):
        host, backup = self.host("at"), self.host("backup")
        path = os.path.join(self.folder, "nobody.sock")
        daemon = self.named_salon([host.address, f"unix:{path}"], backup)
        self.assertEqual(daemon.ask("GET", "/").status, 200)
        self.assertEqual(self.server(daemon)["resolved"], [host.address])
        self.assertIsNone(self.server(daemon)["resolved_at"])
        self.assertEqual(self.dns.questions(), [])


if __name__ == "__main__":
    main()
