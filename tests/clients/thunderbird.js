// What test_thunderbird.py has Thunderbird do, in its own windows and by its own commands; run by Marionette in the main
// window: arguments are the act's name and what it needs. What a user would wait for is waited for.
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");

const until = async (look) => {
    for (;;) {
        const found = await look();
        if (found) {
            return found;
        }
        await new Promise((go) => setTimeout(go, 10));
    }
};
const serverOf = (user) => MailServices.accounts.allServers.find((server) => server.username === user);
const rootOf = (user) => serverOf(user).rootFolder;
const folderOf = (user, name) => until(() => rootOf(user).subFolders.find((folder) => folder.name === name));
const paneOf = () => until(() => document.getElementById("tabmail").currentAbout3Pane);
const readerOf = () => document.getElementById("tabmail").currentAboutMessage;
const ROLES = ["Inbox", "Drafts", "SentMail", "Trash", "Junk", "Archive"];

async function show(user, name, count) {
    const pane = await paneOf();
    const folder = await folderOf(user, name);
    pane.displayFolder(folder.URI);
    await until(() => pane.gFolder?.URI === folder.URI && pane.gDBView?.rowCount === count);
    return pane;
}

async function open(user, name, count, subject) {
    const pane = await show(user, name, count);
    const rows = [...Array(count).keys()];
    pane.threadTree.selectedIndex = rows.find((row) => pane.gDBView.getMsgHdrAt(row).mime2DecodedSubject === subject);
    const message = await until(() => readerOf()?.gMessage?.mime2DecodedSubject === subject && readerOf().gMessage);
    const page = () => readerOf().getMessagePaneBrowser().contentDocument;
    await until(() => page()?.readyState === "complete" && page().querySelector(".moz-text-flowed, .moz-text-plain, pre"));
    return { pane, message, text: page().body.textContent };
}

async function compose(user, { to, subject, body }) {
    const params = Cc["@mozilla.org/messengercompose/composeparams;1"].createInstance(Ci.nsIMsgComposeParams);
    params.composeFields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
    params.type = Ci.nsIMsgCompType.New;
    params.format = Ci.nsIMsgCompFormat.PlainText;
    params.identity = MailServices.accounts.getFirstIdentityForServer(serverOf(user));
    Object.assign(params.composeFields, { to, subject, body });
    MailServices.compose.OpenComposeWindowWithParams(null, params);
    return until(() => {
        const page = Services.wm.getMostRecentWindow("msgcompose");
        return page?.gMsgCompose?.editor && !page.gWindowLocked && page.gLoadingComplete && page;
    });
}

const acts = {
    // The account dialog's own steps: log in with what was entered, then make the account.
    async add({ user, password, hostname, certificate, type, incoming, submission, implicit }) {
        const module = (name) => ChromeUtils.importESModule(`resource:///modules/accountcreation/${name}.sys.mjs`)[name];
        const der = certificate.replace(/-----.*-----|\s/g, "");
        const known = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).constructX509FromBase64(der);
        const exceptions = Cc["@mozilla.org/security/certoverride;1"].getService(Ci.nsICertOverrideService);
        for (const port of [incoming, submission]) {
            exceptions.rememberValidityOverride(hostname, port, {}, known, false);
        }
        const config = new (module("AccountConfig"))();
        Object.assign(config.identity, { realname: "Alice", emailAddress: user });
        const login = {
            hostname, username: user, password, auth: Ci.nsMsgAuthMethod.passwordCleartext,
            socketType: implicit ? Ci.nsMsgSocketType.SSL : Ci.nsMsgSocketType.alwaysSTARTTLS,
        };
        Object.assign(config.incoming, login, { type, port: incoming });
        Object.assign(config.outgoing, login, { type: "smtp", port: submission, addThisServer: true });
        const verifier = new (module("ConfigVerifier"))(null, new AbortController().signal);
        try {
            await module("CreateInBackend").createAccountInBackend(await verifier.verifyConfig(config));
        } catch (error) {
            return { added: false, why: error.message };
        }
        return { added: true };
    },

    // The folders, with what each is for.
    async folders({ user, count }) {
        serverOf(user).performExpand(null); // what a click on the account does
        const found = await until(() => rootOf(user).subFolders.length === count && rootOf(user).subFolders);
        const roles = (folder) => ROLES.filter((role) => folder.getFlag(Ci.nsMsgFolderFlags[role]));
        return Object.fromEntries(found.map((folder) => [folder.name, roles(folder).join()]));
    },

    async read({ user, count, subject }) {
        const { message, text } = await open(user, "INBOX", count, subject);
        await until(() => message.isRead);
        return { from: message.mime2DecodedAuthor, text };
    },

    // A command of the message list on an opened letter, such as cmd_markAsFlagged.
    async command({ user, count, subject, command }) {
        const { pane } = await open(user, "INBOX", count, subject);
        pane.commandController.doCommand(command);
    },

    // A folder made, renamed, and a letter dropped on it.
    async file({ user, count, subject, made, name }) {
        const root = rootOf(user);
        root.createSubfolder(made, null);
        const folder = await folderOf(user, made);
        folder.rename(name, null);
        await folderOf(user, name);
        const { pane, message } = await open(user, "INBOX", count, subject);
        pane.commandController.doCommand("cmd_moveMessage", rootOf(user).subFolders.find((each) => each.name === name));
        await until(() => pane.gDBView.rowCount === count - 1);
        return message.messageId;
    },

    // Until the folder, being open, shows that many letters.
    async watch({ user, name, count }) {
        const pane = await paneOf();
        await until(() => pane.gFolder?.name === name && pane.gDBView.rowCount === count);
    },

    // Fetch new mail by POP3.
    async fetch({ user, count }) {
        const inbox = await folderOf(user, "Inbox");
        serverOf(user).getNewMessages(inbox, null, null);
        await until(() => inbox.getTotalMessages(false) === count);
        return [...inbox.messages].map((message) => message.mime2DecodedSubject);
    },

    async show({ user, name, count }) {
        await show(user, name, count);
    },

    async saveDraft({ user, ...letter }) {
        const page = await compose(user, letter);
        page.goDoCommand("cmd_saveAsDraft");
        await until(() => page.gMsgCompose.compFields.draftId && !page.gWindowLocked);
        page.close();
    },

    async send({ user, ...letter }) {
        const page = await compose(user, letter);
        page.goDoCommand("cmd_sendNow");
        await until(() => page.closed);
    },

    // What it complains of in dialogues of its own.
    async complaints() {
        const dialogues = [...Services.wm.getEnumerator(null)].filter((page) => page.location.href.includes("commonDialog"));
        return dialogues.map((page) => page.document.getElementById("infoBody").textContent);
    },
};

return acts[arguments[0]](arguments[1]);
