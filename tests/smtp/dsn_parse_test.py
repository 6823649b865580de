"""Takes the sample notifications apart with Python's email package, as any mail program would.

usage: dsn_parse_test.py DSN_SAMPLES_PROGRAM
"""

import email
import email.policy
import pathlib
import quopri
import re
import subprocess
import sys
import tempfile
import unittest
from email.utils import parsedate_to_datetime

PROGRAM = sys.argv.pop(1)


class DsnParseTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as directory:
            subprocess.run([PROGRAM, directory], check=True)
            cls.texts = {p.stem: p.read_bytes() for p in pathlib.Path(directory).glob('*.eml')}

    def parse(self, name):
        message = email.message_from_bytes(self.texts[name], policy=email.policy.SMTPUTF8)
        parts = message.get_payload()
        self.assertEqual(len(parts), 3, name)
        return message, parts

    def status(self, part):
        """The groups of fields of a delivery status."""
        if part.get_content_type() == 'message/delivery-status':
            return part.get_payload()
        text = part.get_payload(decode=True)
        return [email.message_from_bytes(group, policy=email.policy.SMTPUTF8)
                for group in re.split(rb'\r?\n\r?\n', text) if group.strip()]

    def test_every_sample_is_a_report_of_three_parts(self):
        self.assertEqual(len(self.texts), 9)
        for name in self.texts:
            with self.subTest(name):
                message, parts = self.parse(name)
                self.assertEqual(message.get_content_type(), 'multipart/report')
                self.assertEqual(message.get_param('report-type'), 'delivery-status')
                self.assertEqual(message['Auto-Submitted'], 'auto-replied')
                self.assertEqual(message['MIME-Version'], '1.0')
                self.assertIn('MAILER-DAEMON@gw.example.com', message['From'])
                self.assertIsNotNone(parsedate_to_datetime(message['Date']))
                self.assertEqual(parts[0].get_content_type(), 'text/plain')
                self.assertIn('delivery-status', parts[1].get_content_type())
                self.assertIn('headers', parts[2].get_content_type())
                for part in parts:
                    self.assertFalse(part.defects, part.defects)

    def test_every_line_is_crlf_and_short_and_seven_bit(self):
        for name, text in self.texts.items():
            with self.subTest(name):
                self.assertTrue(text.endswith(b'\r\n'))
                self.assertNotIn(b'\n', text.replace(b'\r\n', b''))
                self.assertNotIn(b'\r', text.replace(b'\r\n', b''))
                for line in text.split(b'\r\n'):
                    self.assertLessEqual(len(line), 998)
                    if not (name == 'internationalized' and line.startswith(b'To: ')):
                        self.assertTrue(line.isascii(), line)

    def test_no_body_is_returned(self):
        for name, text in self.texts.items():
            self.assertNotIn(b'the body', text, name)

    def test_rejected(self):
        message, parts = self.parse('rejected')
        self.assertEqual(message['To'], 'alice@example.com')
        groups = self.status(parts[1])
        self.assertEqual(len(groups), 3)
        self.assertEqual(groups[0]['Reporting-MTA'], 'dns; gw.example.com')
        self.assertEqual(groups[0]['Arrival-Date'], 'Tue, 14 Nov 2023 22:13:20 +0000')
        self.assertEqual(groups[1]['Final-Recipient'], 'rfc822; bob@example.net')
        self.assertEqual(groups[1]['Action'], 'failed')
        self.assertEqual(groups[1]['Status'], '5.1.1')
        self.assertEqual(groups[1]['Remote-MTA'], 'dns; mx.example.net')
        self.assertEqual(groups[1]['Diagnostic-Code'],
                         'smtp; 550 5.1.1 No such user See example.net/help')
        self.assertEqual(groups[2]['Status'], '5.0.0')
        self.assertIn('Subject: hello', parts[2].get_payload())

    def test_tls_policy(self):
        _, parts = self.parse('tls_policy')
        words = ' '.join(parts[0].get_payload().split())
        self.assertIn('deleted because of TLS policy', words)
        self.assertIn('its certificate was issued for another name', words)
        group = self.status(parts[1])[1]
        self.assertEqual(group['Status'], '5.7.5')
        self.assertEqual(group['Diagnostic-Code'],
                         'x-sluice-tls; name_mismatch: the certificate is for www.example.net')

    def test_delayed(self):
        message, parts = self.parse('delayed')
        self.assertEqual(message['Subject'], 'Mail not delivered yet')
        about_all, about_bob = self.status(parts[1])
        self.assertEqual(about_all['Original-Envelope-Id'], 'QQ+314159')
        self.assertEqual(about_bob['Original-Recipient'], 'rfc822; bob+old@example.net')
        self.assertEqual(about_bob['Action'], 'delayed')
        self.assertEqual(about_bob['Status'], '4.7.4')
        until = parsedate_to_datetime(about_bob['Will-Retry-Until'])
        self.assertEqual((until - parsedate_to_datetime(about_all['Arrival-Date'])).days, 7)

    def test_relayed(self):
        """A recipient once known by an internationalized address: RFC 6533."""
        _, parts = self.parse('relayed')
        self.assertEqual(parts[1].get_content_type(), 'message/global-delivery-status')
        fields = self.texts_of(parts[1])
        self.assertIn('Original-Recipient: utf-8; jörg@bücher.example\r\n', fields)
        self.assertIn('Final-Recipient: rfc822; bob@example.net\r\nAction: relayed\r\n', fields)

    def test_german(self):
        """The words are German; what programs read is not."""
        message, parts = self.parse('german_tls_policy')
        self.assertEqual(message['Subject'],
                         'Nachricht nicht zugestellt: keine sichere Verbindung')
        self.assertEqual(parts[0].get_content_charset(), 'utf-8')
        words = ' '.join(parts[0].get_payload(decode=True).decode('utf-8').split())
        self.assertIn('innerhalb von 7 Tagen nicht sicher übertragen werden', words)
        self.assertIn('Sein Zertifikat ist auf einen anderen Namen ausgestellt.', words)
        self.assertEqual(parts[1].get_content_type(), 'message/delivery-status')
        self.assertEqual(self.status(parts[1])[1]['Status'], '5.7.5')
        _, parts = self.parse('german_delayed')
        words = ' '.join(parts[0].get_payload(decode=True).decode('utf-8').split())
        self.assertIn('wartet seit 4 Stunden auf ihre Zustellung', words)
        self.assertIn('bis zum 21.11.2023 um 22:13 Uhr (UTC)', words)
        self.assertIn('bietet keine Verschlüsselung (STARTTLS) an.', words)

    def test_internationalized(self):
        message, parts = self.parse('internationalized')
        self.assertIn('grüße@example.com', str(message['To']))
        self.assertEqual(parts[1].get_content_type(), 'message/global-delivery-status')
        self.assertEqual(parts[2].get_content_type(), 'message/global-headers')
        self.assertIn('jörg@bücher.example', parts[0].get_payload(decode=True).decode('utf-8'))
        self.assertIn('Final-Recipient: utf-8; jörg@bücher.example',
                      self.texts_of(parts[1]))
        self.assertIn('Subject: schön = good \r\n', self.texts_of(parts[2]))

    def texts_of(self, part):
        """The content of a message/* part, which Python does not decode by itself."""
        raw = part.as_bytes(policy=email.policy.SMTP).split(b'\r\n\r\n', 1)[1]
        return quopri.decodestring(raw).decode('utf-8')

    def test_hostile(self):
        message, parts = self.parse('hostile')
        self.assertIsNone(message['Bcc'])
        for group in self.status(parts[1]):
            self.assertIsNone(group['X-Injected'])
        self.assertEqual(len(self.status(parts[1])), 3)
        headers = parts[2].get_payload(decode=True)
        self.assertIn(b'--=_01JDSN.7f--\r\n', headers)  # inside, as it was
        self.assertIn(b'y' * 3000, headers)


if __name__ == '__main__':
    unittest.main()
