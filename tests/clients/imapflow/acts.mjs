// What test_imapflow.py asks of imapflow: node acts.mjs ACT < settings.json; prints what it saw as one JSON object.
import { ImapFlow } from "imapflow";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { buffer } from "node:stream/consumers";

const settings = JSON.parse(readFileSync(0, "utf-8"));

async function session(options = {}) {
    const client = new ImapFlow({
        host: settings.host,
        port: settings.port,
        secure: settings.secure,
        servername: settings.servername,
        tls: { ca: [readFileSync(settings.certificate)] },
        auth: { user: settings.user, pass: settings.password },
        logger: false,
        disableAutoIdle: true,
        ...options,
    });
    await client.connect();
    return client;
}

const sorted = (set) => [...set].sort();

const acts = {
    // List, open, and read a letter in all the ways that there are.
    async read() {
        const client = await session();
        const listed = await client.list({ statusQuery: { messages: true, unseen: true } });
        const box = await client.mailboxOpen("INBOX");
        const all = await client.fetchAll("1:*", {
            uid: true, flags: true, envelope: true, bodyStructure: true, size: true, internalDate: true,
        });
        const one = await client.fetchOne("1", { source: true, headers: ["subject"], bodyParts: ["1"] });
        const part = await client.download("2", "2");
        const attached = (await buffer(part.content)).toString("base64");
        const found = await client.search({ subject: "Two", seen: false }, { uid: true });
        const saw = {
            mailboxes: Object.fromEntries(listed.map((each) => [each.path, each.specialUse ?? null])),
            counts: listed.find((each) => each.path === "INBOX").status,
            exists: box.exists, readOnly: box.readOnly, modseq: typeof box.highestModseq,
            subjects: all.map((each) => each.envelope.subject),
            from: all.map((each) => each.envelope.from[0].address),
            types: all.map((each) => each.bodyStructure.type),
            sizes: all.map((each) => each.size),
            source: one.source.toString("base64"),
            headers: one.headers.toString(), body: one.bodyParts.get("1").toString(),
            filename: part.meta.filename, attached, found,
            enabled: sorted(client.enabled), secured: client.secureConnection,
        };
        await client.logout();
        return saw;
    },

    // Write, flag, copy, move, delete; mailboxes made, renamed, removed.
    async change() {
        const client = await session();
        const made = await client.mailboxCreate(["Grüße", "2026"]);
        await client.mailboxRename("Grüße/2026", "Grüße/2027");
        await client.mailboxSubscribe("Grüße/2027");
        const kept = await client.append("Drafts", settings.letter, ["\\Draft", "\\Seen"], new Date("2026-11-24T01:02:03Z"));
        await client.mailboxOpen("INBOX");
        await client.messageFlagsAdd("1", ["\\Seen", "Work"]);
        await client.messageFlagsRemove("1", ["Work"]);
        await client.messageFlagsSet("2", ["\\Answered"]);
        const copied = await client.messageCopy("1", "Grüße/2027");
        const moved = await client.messageMove("3", "Archive", { uid: true });
        const deleted = await client.messageDelete("4", { uid: true });
        const left = await client.fetchAll("1:*", { flags: true });
        const drafts = await client.status("Drafts", { messages: true, uidNext: true });
        const paths = (await client.list()).map((each) => each.path);
        await client.mailboxDelete("Grüße/2027");
        const saw = {
            made: made.path, kept: kept.uid, drafts, deleted, paths,
            copied: [...copied.uidMap], moved: [...moved.uidMap],
            left: left.map((each) => [each.uid, sorted(each.flags)]),
            remaining: (await client.list()).map((each) => each.path),
        };
        await client.logout();
        return saw;
    },

    // Told in IDLE of a new letter, of flags, and of what went.
    async watch() {
        const watcher = await session();
        const other = await session();
        await watcher.mailboxOpen("INBOX");
        await other.mailboxOpen("INBOX");
        const idle = watcher.idle();
        const heard = [];
        const hear = async (event, act) => {
            const told = once(watcher, event);
            await act();
            heard.push((await told)[0]);
        };
        await hear("exists", () => other.append("INBOX", settings.letter));
        await hear("flags", () => other.messageFlagsAdd("1", ["\\Flagged"]));
        await hear("expunge", () => other.messageDelete("2"));
        await watcher.noop();
        await idle;
        const [exists, flags, expunge] = heard;
        await Promise.all([watcher.logout(), other.logout()]);
        return {
            exists: [exists.prevCount, exists.count],
            flags: [flags.seq, sorted(flags.flags)], expunge: expunge.seq,
        };
    },

    // Away for a while, then back by QRESYNC: only what changed is told.
    async comeBack() {
        const options = { qresync: true };
        const first = await session(options);
        const box = await first.mailboxOpen("INBOX");
        await first.logout();

        const other = await session();
        await other.mailboxOpen("INBOX");
        await other.messageFlagsAdd("2", ["\\Flagged"], { uid: true });
        await other.messageDelete("1", { uid: true });
        await other.append("INBOX", settings.letter);
        await other.logout();

        const client = await session(options);
        const flags = [];
        const gone = [];
        client.on("flags", (told) => flags.push([told.uid, sorted(told.flags)]));
        client.on("expunge", (told) => gone.push([told.uid, told.vanished, told.earlier]));
        const again = await client.mailboxOpen("INBOX", {
            changedSince: box.highestModseq, uidValidity: box.uidValidity,
        });
        const changed = await client.fetchAll("1:*", { uid: true }, { changedSince: box.highestModseq });
        const saw = {
            before: box.exists, after: again.exists, resynced: again.qresync, flags, gone,
            changed: changed.map((each) => each.uid), enabled: sorted(client.enabled),
        };
        await client.logout();
        return saw;
    },

    // A wrong password.
    async deny() {
        try {
            await session();
        } catch (error) {
            return { failed: error.authenticationFailed, code: error.serverResponseCode };
        }
        return { failed: false };
    },
};

console.log(JSON.stringify(await acts[process.argv[2]](), (_, value) => (typeof value === "bigint" ? Number(value) : value)));
