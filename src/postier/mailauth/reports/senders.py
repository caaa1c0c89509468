"""Names that people know for the services that send mail.

Not here: looking up the name of an address. A table by hand: the services that domains most often let send for them, by the
domains of their hosts, return paths and signatures. Invariant: the longest domain that fits decides.
"""

from postier.mailauth.names import parent_of

_SENDERS: dict[str, tuple[str, ...]] = {
    "Amazon SES": ("amazonses.com", "smtp-out.amazonses.com"),
    "Apple iCloud": ("icloud.com", "me.com", "apple.com"),
    "Atlassian": ("atlassian.net", "atlassian.com"),
    "Barracuda": ("barracudanetworks.com", "ess.barracudanetworks.com"),
    "Brevo": ("sendinblue.com", "brevo.com", "sender-sib.com", "mailin.fr"),
    "Campaign Monitor": ("createsend.com", "cmail19.com", "cmail20.com"),
    "Cisco Secure Email": ("iphmx.com",),
    "Constant Contact": ("constantcontact.com", "ccsend.com"),
    "Fastmail": ("messagingengine.com", "fastmail.com"),
    "Forward Email": ("forwardemail.net",),
    "Freshworks": ("freshdesk.com", "freshemail.io"),
    "Gandi": ("gandi.net",),
    "GitHub": ("github.com",),
    "GMX and WEB.DE": ("gmx.net", "web.de", "gmx.com", "mail.com"),
    "Google": ("google.com", "gmail.com", "googlemail.com", "gappssmtp.com"),
    "Hetzner": ("your-server.de", "hetzner.com"),
    "HubSpot": ("hubspotemail.net", "hubspot.com"),
    "Infomaniak": ("infomaniak.ch", "infomaniak.com"),
    "IONOS": ("kundenserver.de", "ionos.com", "perfora.net"),
    "Klaviyo": ("klaviyomail.com",),
    "Mailchimp": ("mcsv.net", "mcdlv.net", "rsgsv.net", "mailchimp.com", "mailchimpapp.net"),
    "Mailchimp Transactional": ("mandrillapp.com",),
    "Mailgun": ("mailgun.org", "mailgun.net", "mailgun.com"),
    "Mailjet": ("mailjet.com",),
    "Microsoft 365": ("outlook.com", "hotmail.com", "onmicrosoft.com", "office365.com", "live.com"),
    "Mimecast": ("mimecast.com", "mimecast.co.za"),
    "OVHcloud": ("ovh.net", "ovh.com"),
    "Postmark": ("mtasv.net", "postmarkapp.com"),
    "Proofpoint": ("pphosted.com", "ppe-hosted.com"),
    "Proton Mail": ("protonmail.ch", "proton.ch", "protonmail.com"),
    "Salesforce": ("salesforce.com", "exacttarget.com"),
    "SendGrid": ("sendgrid.net", "sendgrid.com"),
    "Shopify": ("shopifyemail.com", "shopify.com"),
    "SparkPost": ("sparkpostmail.com", "sparkpost.com"),
    "Stripe": ("stripe.com",),
    "Symantec Email Security": ("messagelabs.com",),
    "Yahoo": ("yahoo.com", "yahoodns.net", "aol.com"),
    "Yandex": ("yandex.net", "yandex.ru"),
    "Zendesk": ("zendesk.com", "zdsys.com"),
    "Zoho": ("zoho.com", "zohomail.com", "zoho.eu"),
}
_BY_DOMAIN = {domain: name for name, domains in _SENDERS.items() for domain in domains}


def sender_name(domain: str) -> str:
    """The service whose domain this canonical name is or lies below; "" for one that is not in the table."""
    while domain:
        known = _BY_DOMAIN.get(domain)
        if known is not None:
            return known
        domain = parent_of(domain)
    return ""
