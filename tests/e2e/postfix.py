"""Postfix as a next hop: one private instance with as many smtpd services as a test wants, each
with a port and settings of its own; and Postfix's test programs.

    postfix = PostfixServer(workspace, domains=["secure.test"])
    good = postfix.add_smtpd("good", smtpd_tls_security_level="encrypt", **tls_with(credential))
    poor = postfix.add_smtpd("poor", smtpd_tls_security_level="none")
    postfix.start()
    message = postfix.wait_for_message("Subject: hello")      # bytes, lines end in LF

Mail for `domains` is kept in one Maildir, whatever the local part; nothing is ever sent on. It
shares nothing with a Postfix that the machine may run.
"""

import grp
import os
import pathlib
import pwd
import signal
import tempfile

from processes import run, wait_for_port, wait_until

_DAEMONS = pathlib.Path("/usr/lib/postfix/sbin")
# Directory of the queue -> group that owns it, mode; what `postfix check` would make.
_QUEUE_DIRECTORIES = {
    "active": ("root", 0o700), "bounce": ("root", 0o700), "corrupt": ("root", 0o700),
    "defer": ("root", 0o700), "deferred": ("root", 0o700), "flush": ("root", 0o700),
    "hold": ("root", 0o700), "incoming": ("root", 0o700), "private": ("root", 0o700),
    "saved": ("root", 0o700), "trace": ("root", 0o700), "maildrop": ("postdrop", 0o730),
    "public": ("postdrop", 0o710),
}


def tls_with(credential, **more):
    """Settings of an smtpd that serves STARTTLS with a certificate."""
    return {"smtpd_tls_cert_file": credential.certificate, "smtpd_tls_key_file": credential.key,
            "smtpd_tls_loglevel": 1, **more}


def tls_1_1_only():
    """Settings that leave an smtpd nothing newer than TLS 1.1."""
    return {"smtpd_tls_protocols": ">=TLSv1, <=TLSv1.1",
            "smtpd_tls_mandatory_protocols": ">=TLSv1, <=TLSv1.1",
            "smtpd_tls_ciphers": "medium", "smtpd_tls_mandatory_ciphers": "medium",
            "tls_medium_cipherlist": "ALL:@SECLEVEL=0"}


class PostfixServer:
    def __init__(self, workspace, domains, name="postfix", **settings):
        self._workspace = workspace
        self._name = name
        self._root = workspace.directory(name)
        self.maildir = self._root / "mail" / "box"
        self._log = self._root / "maillog.log"
        self._services = []
        self.ports = {}
        self._program = None
        # The account that Postfix's own delivery may use: any but its own and root.
        owner = pwd.getpwnam("nobody")
        self._settings = {
            "compatibility_level": "3.6", "queue_directory": self._root / "spool",
            "data_directory": self._root / "data", "myhostname": "peer.test",
            "mydestination": "", "mynetworks": "127.0.0.0/8", "inet_interfaces": "127.0.0.1",
            "alias_maps": "", "alias_database": "", "local_recipient_maps": "",
            "virtual_mailbox_domains": ", ".join(domains), "virtual_alias_maps": "",
            "virtual_mailbox_maps": "static:box/", "virtual_mailbox_base": self._root / "mail",
            "virtual_uid_maps": f"static:{owner.pw_uid}",
            "virtual_gid_maps": f"static:{owner.pw_gid}", "virtual_minimum_uid": 1,
            "virtual_mailbox_limit": 0, "message_size_limit": 0,
            "default_transport": "error:this instance sends nothing",
            "relayhost": "", "smtp_dns_support_level": "disabled", "biff": "no",
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "smtpd_peername_lookup": "no", "local_header_rewrite_clients": "",
            "maillog_file": self._log, "maillog_file_prefixes": self._root,
            "smtputf8_enable": "yes", "smtpd_client_connection_count_limit": 0, **settings}

    def add_smtpd(self, name, address="127.0.0.1", port=None, **settings):
        """A listener with settings of its own; gives back its port. Before start()."""
        port = port or self._workspace.reserve_port()
        options = "".join(f"\n  -o {{ {key} = {value} }}" for key, value in settings.items())
        self._services.append(f"{address}:{port} inet n - n - - smtpd{options}")
        self.ports[name] = port
        return port

    def start(self):
        postfix = pwd.getpwnam("postfix")
        spool = self._root / "spool"
        spool.mkdir(exist_ok=True)
        (spool / "pid").mkdir(exist_ok=True)
        for name, (group, mode) in _QUEUE_DIRECTORIES.items():
            directory = spool / name
            directory.mkdir(exist_ok=True)
            _own(directory, "postfix", group, mode)
        data = self._root / "data"
        data.mkdir(exist_ok=True)
        os.chown(data, postfix.pw_uid, -1)
        mail = self._root / "mail"
        mail.mkdir(exist_ok=True)
        os.chown(mail, pwd.getpwnam("nobody").pw_uid, -1)

        config = self._root / "etc"
        config.mkdir(exist_ok=True)
        (config / "main.cf").write_text(
            "".join(f"{key} = {value}\n" for key, value in self._settings.items()), "utf-8")
        services = self._services + [
            "cleanup unix n - n - 0 cleanup", "qmgr unix n - n 300 1 qmgr",
            "rewrite unix - - n - - trivial-rewrite", "bounce unix - - n - 0 bounce",
            "defer unix - - n - 0 bounce", "trace unix - - n - 0 bounce",
            "verify unix - - n - 1 verify", "proxymap unix - - n - - proxymap",
            "error unix - - n - - error", "retry unix - - n - - error",
            "discard unix - - n - - discard", "virtual unix - n n - - virtual",
            "anvil unix - - n - 1 anvil", "tlsmgr unix - - n 1000? 1 tlsmgr",
            "postlog unix-dgram n - n - 1 postlogd"]
        (config / "master.cf").write_text("\n".join(services) + "\n", "utf-8")
        self._program = self._workspace.start(
            self._name, [str(_DAEMONS / "master"), "-c", str(config), "-d"])
        for port in self.ports.values():
            wait_for_port(port)
        return self

    def reload(self):
        """What connects from now on meets its settings, and its certificates, as they are now."""
        before = self.log().count(": reload -- ")
        self._program.signal(signal.SIGHUP)
        wait_until(lambda: f"Postfix to reload\n{self.log()[-2000:]}",
                   lambda: self.log().count(": reload -- ") > before)

    def stop(self):
        """As a machine goes down: nobody listens any more."""
        self._program.kill()

    def log(self):
        return self._log.read_text(encoding="latin-1") if self._log.exists() else ""

    def messages(self):
        """What was delivered so far, whole messages, in no particular order."""
        found = []
        for folder in ("new", "cur"):
            for path in sorted((self.maildir / folder).glob("*")):
                found.append(path.read_bytes())
        return found

    def messages_with(self, text):
        wanted = text.encode() if isinstance(text, str) else text
        return [message for message in self.messages() if wanted in message]

    def wait_for_message(self, text, timeout=30):
        return wait_until(f"a message with {text!r} at Postfix",
                          lambda: self.messages_with(text), timeout)[0]


def _own(path, user, group, mode):
    os.chown(path, pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid)
    os.chmod(path, mode)


class SmtpSink:
    """Postfix's smtp-sink: takes everything, offers no STARTTLS; writes each message to a file."""

    def __init__(self, workspace, name="smtp-sink", options=()):
        self._directory = workspace.directory(f"{name}-mail")
        self.port = workspace.reserve_port()
        self._program = workspace.start(
            name, ["/usr/sbin/smtp-sink", "-c", *options, "-d", "message.", "-R",
                   str(self._directory), "-u", "root", f"127.0.0.1:{self.port}", "1000"])
        wait_for_port(self.port)

    def messages(self):
        return [path.read_bytes() for path in sorted(self._directory.glob("message.*"))]

    def wait_for_message(self, text, timeout=30):
        wanted = text.encode() if isinstance(text, str) else text
        return wait_until(f"a message with {text!r} at smtp-sink",
                          lambda: [m for m in self.messages() if wanted in m], timeout)[0]


def smtp_source(port, sender, recipient, messages=1, sessions=1, options=()):
    return run(["/usr/sbin/smtp-source", "-m", str(messages), "-s", str(sessions), "-f", sender,
                "-t", recipient, *options, f"inet:127.0.0.1:{port}"])


def posttls_finger(port, authority, match, options=()):
    """Postfix's probe of a server's STARTTLS, which trusts `authority` alone."""
    return _finger(run, "-F", authority.certificate, "-l", "secure", *options,
                   f"[127.0.0.1]:{port}", match)


def posttls_finger_dane(resolver, domain, port):
    """The same of a domain's mail hosts, by what DNS says of them as `resolver` vouches for it."""
    return _finger(resolver.run, "-l", "dane", f"{domain}:{port}")


def _finger(runner, *arguments):
    """It wants a main.cf, and the machine's may be missing."""
    with tempfile.TemporaryDirectory() as directory:
        pathlib.Path(directory, "main.cf").write_text("compatibility_level = 3.6\n", "utf-8")
        return runner(["/usr/sbin/posttls-finger", "-c", "-L", "verbose,summary",
                       *map(str, arguments)], env={**os.environ, "MAIL_CONFIG": directory})
