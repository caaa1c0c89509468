#!/usr/bin/env bash
# The system parts that the tests need: a DNS server, DKIM verifiers, PostgreSQL, real mail clients, Dovecot to measure beside.
# As root on Debian they are installed; otherwise the missing ones are named and the script fails. Then what Node's tests need,
# below tests/clients. With the word `desktop` also Thunderbird, some two hundred megabytes, for `make test-clients`.
set -euo pipefail

# program that shows a package is there, package
parts=(
    "nsd nsd"
    "opendkim opendkim"
    "rspamd rspamd"
    "swaks swaks"
    "curl curl"
    "neomutt neomutt"
    "mbsync isync"
    "getmail getmail6"
    "fetchmail fetchmail"
    "sieve-connect sieve-connect"
    "offlineimap offlineimap3"
    "dovecot dovecot-imapd"
    "node nodejs"
    "npm npm"
    "script bsdutils"
    "setpriv util-linux"
)
[ "${1-}" != desktop ] || parts+=("thunderbird thunderbird")

missing=()
for part in "${parts[@]}"; do
    read -r program package <<<"$part"
    command -v "$program" >/dev/null || [ -x "/usr/sbin/$program" ] || missing+=("$package")
done
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing+=("postgresql")
perl -MNet::SSLeay -e 1 2>/dev/null || missing+=("libnet-ssleay-perl") # swaks speaks TLS by it

install() {
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        echo "The tests need these packages, which are missing here: ${missing[*]}" >&2
        echo "Install them (Debian: apt-get install ${missing[*]}), then run this again." >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    # No service is started by its installation: the tests start their own, on ports of their own.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

[ ${#missing[@]} -eq 0 ] || install

cd "$(dirname "$0")/../tests/clients/imapflow"
if ! cmp -s package-lock.json node_modules/.installed; then
    npm ci --silent
    cp package-lock.json node_modules/.installed
fi
