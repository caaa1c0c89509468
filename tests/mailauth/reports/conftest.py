"""Reports as real senders write them."""

import gzip

import pytest

from postier.mailauth.dmarc.record import Policy
from postier.mailauth.outcome import Outcome
from postier.mailauth.reports.aggregate import (
    AggregateReport,
    Handling,
    Override,
    OverrideKind,
    Published,
    Seen,
    SignatureSeen,
    SpfSeen,
)

# The form of RFC 7489's time: no namespace, pct, older override types, human results, several SPF results
OLD_XML = b"""<?xml version="1.0" encoding="UTF-8" ?>
<feedback>
  <report_metadata>
    <org_name>bigmail.example</org_name>
    <email>noreply-dmarc-support@bigmail.example</email>
    <extra_contact_info>https://support.bigmail.example/dmarc</extra_contact_info>
    <report_id>10439018233219180733</report_id>
    <date_range><begin>1704067200</begin><end>1704153599</end></date_range>
  </report_metadata>
  <policy_published>
    <domain>Beta.Test</domain><adkim>r</adkim><aspf>r</aspf><p>none</p><sp></sp><pct>100</pct>
  </policy_published>
  <record>
    <row>
      <source_ip>203.0.113.7</source_ip><count>12</count>
      <policy_evaluated>
        <disposition>none</disposition><dkim>pass</dkim><spf>fail</spf>
        <reason><type>forwarded</type><comment></comment></reason>
      </policy_evaluated>
    </row>
    <identifiers><header_from>beta.test</header_from></identifiers>
    <auth_results>
      <dkim><domain>beta.test</domain><result>pass</result><selector>s1</selector></dkim>
      <spf><domain>host.example</domain><scope>helo</scope><result>pass</result></spf>
      <spf><domain>forwarder.example</domain><result>hardfail</result></spf>
    </auth_results>
  </record>
  <record>
    <row>
      <source_ip>2001:DB8:0:0::1</source_ip><count>3</count>
      <policy_evaluated><disposition>none</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated>
    </row>
    <identifiers><envelope_from></envelope_from><header_from>beta.test</header_from></identifiers>
    <auth_results><spf><domain>beta.test</domain><result>softfail</result></spf></auth_results>
  </record>
</feedback>
"""

TLS_JSON = b"""{"organization-name":"Bigmail","date-range":{"start-datetime":"2024-01-01T00:00:00Z",
"end-datetime":"2024-01-01T23:59:59Z"},"contact-info":"smtp-tls-reporting@bigmail.example",
"report-id":"2024-01-01T00:00:00Z_beta.test","policies":[{"policy":{"policy-type":"sts","policy-string":
["version: STSv1","mode: testing","mx: mx.beta.test","max_age: 86400"],"policy-domain":"beta.test",
"mx-host":["mx.beta.test"]},"summary":{"total-successful-session-count":5,"total-failure-session-count":2},
"failure-details":[{"result-type":"certificate-expired","sending-mta-ip":"203.0.113.7",
"receiving-mx-hostname":"mx.beta.test","receiving-ip":"192.0.2.1","failed-session-count":2,
"failure-reason-code":"X509_V_ERR_CERT_HAS_EXPIRED"}]}]}"""

FAILURE_LETTER = b"""From: DMARC <dmarc@gen.example>\r
To: postmaster@beta.test\r
Subject: FW: hello\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r
\r
--b\r
Content-Type: text/plain\r
\r
{ This letter failed. }\r
--b\r
Content-Type: message/feedback-report\r
\r
Feedback-Type: auth-failure\r
Version: 1\r
User-Agent: Gen/1\r
Auth-Failure: dmarc\r
Identity-Alignment: dkim, spf\r
Delivery-Result: reject\r
DKIM-Domain: beta.test\r
DKIM-Selector: epsilon\r
Original-Mail-From: <author@forwarder.example>\r
Source-IP: 192.0.2.2\r
Reported-Domain: beta.test\r
Reporting-MTA: dns; mx.gen.example\r
Incidents: 4\r
\r
--b\r
Content-Type: message/rfc822\r
\r
From: Alice <alice@beta.test>\r
Subject: A secret\r
Message-ID: <1@beta.test>\r
\r
The text.\r
--b--\r
"""


def letter(data, media_type="application/gzip", filename="a!b!1!2.xml.gz"):
    """A letter with one attachment."""
    import base64

    return (
        b"From: reports@bigmail.example\r\nTo: postmaster@beta.test\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nA report.\r\n'
        b'--x\r\nContent-Type: %b; name="%b"\r\nContent-Transfer-Encoding: base64\r\n\r\n%b--x--\r\n'
        % (media_type.encode(), filename.encode(), base64.encodebytes(data))
    )


def full_report():
    """Every element that we write."""
    return AggregateReport(
        organisation="Alpha & Söhne <mail>",
        email="postmaster@alpha.test",
        report_id="1704067200-beta.test@alpha.test",
        begin_s=1704067200,
        end_s=1704153599,
        published=Published(
            "beta.test", Policy.REJECT, Policy.QUARANTINE, Policy.NONE, True, False, "1:d", True, "treewalk"
        ),
        records=(
            Seen(
                "192.0.2.1",
                4,
                Handling.QUARANTINE,
                False,
                False,
                "news.beta.test",
                "",
                "alpha.test",
                (Override(OverrideKind.MAILING_LIST, "it has List-Id"), Override(OverrideKind.OTHER)),
                (SignatureSeen("x.test", "s1", Outcome.FAIL), SignatureSeen("y.test", "s2", Outcome.PASS)),
                SpfSeen("x.test", Outcome.SOFTFAIL),
            ),
            Seen("2001:db8::1", 1, Handling.PASS, True, True, "beta.test", "beta.test"),
            Seen("192.0.2.9", 2, Handling.NONE, True, False, "beta.test"),
        ),
        contact="https://alpha.test/",
        error="two records",
        generator="Postier",
    )


@pytest.fixture
def old_letter():
    return letter(gzip.compress(OLD_XML))
