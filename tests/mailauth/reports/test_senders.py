from postier.mailauth.names import canonical
from postier.mailauth.reports import senders
from postier.mailauth.reports.senders import sender_name


def test_names():
    assert sender_name("mail-yw1-f176.google.com") == "Google"
    assert sender_name("a1-2.smtp-out.eu-west-1.amazonses.com") == "Amazon SES"
    assert sender_name("google.com.evil.test") == ""
    assert sender_name("") == ""


def test_the_table_is_canonical_and_names_each_domain_once():
    domains = [domain for group in senders._SENDERS.values() for domain in group]
    assert len(domains) == len(set(domains))
    assert all(canonical(domain) == domain for domain in domains)
