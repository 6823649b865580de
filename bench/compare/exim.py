"""Exim, Debian 12's exim4-daemon-light (GnuTLS), unpacked into a folder of its own.

It runs in a mount namespace of its own, in which its account exists (/etc/passwd and /etc/group are
covered by copies that have it) and self.root is at /mnt, so that no directory above it has to be
open to that account.
"""

import os
import pathlib
import shutil

from peer import Peer

_ACCOUNT = "Debian-exim"
_ACCOUNT_ID = 990  # within the namespace only

_CONFIGURATION = """
primary_hostname = exim.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
exim_path = {program}
# A relay delivers nothing as root: so the process that took a message forks one that delivers it,
# and need not execute Exim anew for that.
deliver_drop_privilege = true
spool_directory = /mnt/spool
pid_file_path = /mnt/exim.pid
log_file_path = /mnt/log/%slog
timezone =
keep_environment =
never_users =

# No name of a client is looked up.
host_lookup =
rfc1413_hosts =
rfc1413_query_timeout = 0s
dns_dnssec_ok = 0
disable_ipv6 = true

# As many at once as the load asks for: the defaults are 20 sessions, delivery at once only for the
# first 10 messages of a session, and a queue run that takes one message after the other.
smtp_accept_max = 4000
smtp_accept_max_per_host =
smtp_accept_max_per_connection = 0
smtp_accept_queue_per_connection = 0
smtp_connect_backlog = 1024
smtp_accept_max_nonmail = 100000
remote_max_parallel = 20
queue_run_max = {queue_runners}

# Both are synced to disk before 250: the envelope (-H) and the data (-D). A log of its own
# for each message is off: it adds no safety.
message_logs = false
split_spool_directory = true
smtp_return_error_details = false
write_rejectlog = false
message_size_limit = 50M
check_spool_space = 0
check_spool_inodes = 0
smtp_receive_timeout = 1h
smtp_enforce_sync = false

tls_advertise_hosts = *
tls_certificate = /mnt/certificate.pem
tls_privatekey = /mnt/key.pem
tls_require_ciphers = {ciphers}
tls_resumption_hosts = *
# Without this each process carries, or reads anew, all roots of the system, to check nobody with.
tls_verify_certificates = /mnt/certificate.pem
tls_verify_hosts =
tls_try_verify_hosts =

queue_only = {queue_only}

acl_smtp_mail = require_tls
acl_smtp_rcpt = accept
acl_smtp_data = accept
acl_smtp_vrfy = deny

begin acl
require_tls:
  deny  !encrypted = *
        message = 530 5.7.0 Must issue a STARTTLS command first
  accept

begin routers
next_hop:
  driver = manualroute
  route_list = * 127.0.0.1::{next_hop}
  self = send
  transport = out

begin transports
out:
  driver = smtp
  hosts_require_tls = *
  tls_verify_certificates = /mnt/certificate.pem
  tls_verify_hosts =
  tls_try_verify_hosts =
  tls_require_ciphers = {ciphers}
  hosts_try_dane =
  dnssec_request_domains =
  hosts_request_ocsp =
  multi_domain = true
  # A session for each message, and none resumed: tried otherwise, either costs CPU time. For a
  # second message Exim executes itself anew and hands its TLS over through one more process, and
  # a session to resume comes out of a file that all deliveries lock.
  connection_max_messages = 1

begin retry
* * F,1h,5m
"""


# A process for each session and two for each delivery: each pays for every page that it is first
# to touch, some 300. So memory that malloc() got once is kept (by default its top goes back to the
# kernel after each message), and symbols are bound by the daemon, not by each of its children.
# Together this halves the cost; what remains is in the nature of fork().
_ENVIRONMENT = [
    "env", "LD_BIND_NOW=1",
    "GLIBC_TUNABLES=glibc.malloc.trim_threshold=268435456:glibc.malloc.top_pad=1048576:"
    "glibc.malloc.mmap_threshold=33554432"]

# What could not be sent at once is tried again this often. To let queue runs do all deliveries
# (queue_only) was tried: it costs the same, and mail waits longer.
_QUEUE_RUNS = "-q10s"

# TLS 1.2 and 1.3, as the others; GnuTLS's own order of ciphers and curves.
_CIPHERS = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"


class Exim(Peer):
    name = "exim"
    title = "Exim"
    notes = ("opens a session for each message it sends, which costs it less than keeping one",)

    @property
    def _program(self):
        return self.ground.installed / "exim/usr/sbin/exim4"

    def _in_namespace(self, command):
        """A shell's words before `command`: the account exists, self.root is at /mnt."""
        enter = ("mount --bind passwd /etc/passwd && mount --bind group /etc/group && "
                 "mount --bind . /mnt && cd / && exec \"$@\"")
        return ["unshare", "--mount", "sh", "-c", enter, "sh", *map(str, command)]

    def version(self):
        return (self.ground.installed / "exim/version").read_text("ascii").strip()

    def prepare(self, credential, next_hop, cpus):
        for name, text in (("passwd", f":x:{_ACCOUNT_ID}:{_ACCOUNT_ID}::/:/usr/sbin/nologin"),
                           ("group", f":x:{_ACCOUNT_ID}:")):
            own = pathlib.Path(f"/etc/{name}").read_text("utf-8")
            (self.root / name).write_text(f"{own.rstrip()}\n{_ACCOUNT}{text}\n", "utf-8")
        for directory in ("spool", "log"):
            (self.root / directory).mkdir()
            os.chown(self.root / directory, _ACCOUNT_ID, _ACCOUNT_ID)
        for name, source in (("certificate.pem", credential.certificate),
                             ("key.pem", credential.key)):
            shutil.copyfile(source, self.root / name)
            os.chown(self.root / name, _ACCOUNT_ID, _ACCOUNT_ID)
        (self.root / "exim.conf").write_text(_CONFIGURATION.format(
            port=self.port, program=self._program, ciphers=_CIPHERS, next_hop=next_hop or 1,
            queue_only="false" if next_hop else "true", queue_runners=10), "utf-8")
        self._relays = next_hop is not None

    def command(self):
        queue_runs = [_QUEUE_RUNS] if self._relays else []
        return self._in_namespace([*_ENVIRONMENT, self._program, "-bdf", *queue_runs,
                                   "-C", "/mnt/exim.conf"])

    def queued(self):
        return sum(1 for _ in (self.root / "spool/input").glob("*/*-H"))
