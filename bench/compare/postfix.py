"""Postfix, Debian 12's, as an instance of its own with queue and configuration in self.root."""

import grp
import os
import pathlib
import pwd

from peer import Peer, package_version

_DAEMONS = pathlib.Path("/usr/lib/postfix/sbin")
# Directory of the queue -> group that owns it, mode; what `postfix check` would make.
_QUEUE_DIRECTORIES = {
    "active": ("root", 0o700), "bounce": ("root", 0o700), "corrupt": ("root", 0o700),
    "defer": ("root", 0o700), "deferred": ("root", 0o700), "flush": ("root", 0o700),
    "hold": ("root", 0o700), "incoming": ("root", 0o700), "pid": ("root", 0o755),
    "private": ("root", 0o700), "saved": ("root", 0o700), "trace": ("root", 0o700),
    "maildrop": ("postdrop", 0o730), "public": ("postdrop", 0o710),
}

_MAIN = """
compatibility_level = 3.6
queue_directory = {root}/spool
data_directory = {root}/data
maillog_file = {root}/maillog.log
maillog_file_prefixes = {root}
myhostname = postfix.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
relay_domains =
relayhost = [127.0.0.1]:{next_hop}
default_transport = smtp
smtpd_relay_restrictions = permit_mynetworks, reject
message_size_limit = 52428800
biff = no
local_header_rewrite_clients =

# TLS is mandatory, 1.2 or 1.3, inside as outside; the next hop's certificate is not looked at.
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_tls_mandatory_protocols = >=TLSv1.2
smtp_tls_security_level = encrypt
smtp_tls_mandatory_protocols = >=TLSv1.2
# Sessions are resumed, by tickets on the one side and from tlsmgr's cache on the other.
smtpd_tls_session_cache_timeout = 3600s
smtp_tls_session_cache_database = btree:${{data_directory}}/smtp_scache

# Sessions to the next hop are kept, with their TLS (tlsproxy), for whichever message comes next; by
# default only for a destination under load, and never with TLS. Its name goes without the port.
smtp_tls_connection_reuse = yes
smtp_connection_cache_destinations = 127.0.0.1, [127.0.0.1]
smtp_connection_reuse_count_limit = 500

# As many at once as the load asks for: the defaults are 100 processes, 20 deliveries to a
# destination, and 50 sessions of a client.
default_process_limit = {processes}
default_destination_concurrency_limit = 50
initial_destination_concurrency = 20
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_client_message_rate_limit = 0
smtpd_client_recipient_rate_limit = 0
smtpd_client_new_tls_session_rate_limit = 0
smtpd_client_event_limit_exceptions = static:all
# By default each NOOP after the hundredth is answered a second later.
smtpd_junk_command_limit = 1000000
qmgr_message_active_limit = 100000
qmgr_message_recipient_limit = 100000
# Processes serve many sessions before they are replaced (by default 100), and stay when idle.
max_use = 100000
max_idle = 1h
# By default whoever delivers mail slower than it comes in is slowed down by a second and more.
in_flow_delay = 0

# Nobody's name is looked up.
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
smtp_host_lookup = native
"""

# No chroot. `proxywrite`, `flush`, `local` and what else a relay does not use are left out.
_SERVICES = """
127.0.0.1:{port} inet n - n - {processes} smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - n - {deliveries} smtp
tlsproxy unix - - n - 0 tlsproxy
scache unix - - n - 1 scache
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""

# What holds acceptance alone: all mail waits in the queue "hold", synced as any other.
_HOLD = """
smtpd_sender_restrictions = static:HOLD
"""


class Postfix(Peer):
    name = "postfix"
    title = "Postfix"
    # Until it has as many smtpd, cleanup and smtp processes as the load needs.
    warmup_seconds = 8

    def version(self):
        return package_version("postfix")

    def prepare(self, credential, next_hop, cpus):
        postfix = pwd.getpwnam("postfix")
        spool = self.root / "spool"
        spool.mkdir()
        for name, (group, mode) in _QUEUE_DIRECTORIES.items():
            directory = spool / name
            directory.mkdir()
            owner = 0 if name == "pid" else postfix.pw_uid
            os.chown(directory, owner, grp.getgrnam(group).gr_gid)
            directory.chmod(mode)
        (self.root / "data").mkdir()
        os.chown(self.root / "data", postfix.pw_uid, -1)
        values = {"root": self.root, "port": self.port, "next_hop": next_hop or 1,
                  "certificate": credential.certificate, "key": credential.key,
                  "processes": self.most_idle_sessions + 50, "deliveries": 50}
        etc = self.root / "etc"
        etc.mkdir()
        text = _MAIN if next_hop else _MAIN + _HOLD
        (etc / "main.cf").write_text(text.format(**values), "utf-8")
        (etc / "master.cf").write_text(_SERVICES.format(**values), "utf-8")

    def command(self):
        return [_DAEMONS / "master", "-c", self.root / "etc", "-d"]

    def queued(self):
        return sum(1 for name in ("incoming", "active", "deferred", "hold")
                   for path in (self.root / "spool" / name).glob("**/*") if path.is_file())
