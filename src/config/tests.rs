//! What the command line takes, and what it says to the rest.

use super::*;

fn read(line: &str) -> Result<Invocation, String> {
    parse(line.split_whitespace().map(OsString::from))
}

pub(crate) fn serve(line: &str) -> Config {
    match read(line) {
        Ok(Invocation::Serve(config)) => *config,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn without_arguments_the_defaults_hold() {
    assert_eq!(format!("{:?}", serve("")), format!("{:?}", Config::default()));
}

#[test]
fn every_option_reaches_its_field() {
    let config = serve(
        "--bind ::1 --port=0 --database /tmp/a.db --title Room --public-url https://a.example \
         --public-url http://B.example:8080/room/ --rate-limit 0 --max-clients 7 --max-clients-per-address 3 \
         --log-level debug --quiet --no-open --members-only --trusted-proxy 127.0.0.1 --trusted-proxy ::1 \
         --sendmail /usr/sbin/sendmail --lan-name Physics-9b --reactions=none",
    );
    assert_eq!(config.reactions, Signs::parse("none").expect("no signs"));
    assert!(config.members_only);
    assert_eq!(config.trusted_proxies.len(), 2);
    assert_eq!(config.sendmail, Some(PathBuf::from("/usr/sbin/sendmail")));
    assert_eq!(config.bind, "::1".parse::<IpAddr>().expect("an address"));
    assert_eq!((config.port, config.spare_ports, config.rate_limit), (0, 0, 0));
    assert_eq!(config.database, PathBuf::from("/tmp/a.db"));
    assert_eq!(config.title.as_deref(), Some("Room"));
    assert_eq!(config.lan_name.as_deref(), Some("physics-9b"));
    assert_eq!(serve("--lan-name physics --no-lan-name").lan_name, None);
    assert_eq!(config.public_urls, ["https://a.example", "http://b.example:8080/room"]);
    assert_eq!((config.max_clients, config.max_clients_per_address), (Some(7), 3));
    assert_eq!(config.log_level, Some(LevelFilter::Debug));
    assert!(config.quiet && !config.open_browser && config.chose_database);
}

#[test]
fn the_rooms_language_is_a_tag_or_the_begin_of_one() {
    for (given, tag) in
        [("de", "de"), ("PT-pt", "pt-PT"), ("pt", "pt-BR"), ("ZH", "zh-Hans"), ("zh-Hant", "zh-Hant")]
    {
        assert_eq!(serve(&format!("--language {given}")).language, tag);
    }
    for given in ["p", "pt-", "pt-AO", "klingon", "-"] {
        let refused = read(&format!("--language={given}")).expect_err(given);
        assert!(refused.contains("expected one of ar bn"), "{refused}");
    }
}

#[test]
fn export_help_and_version_are_told_apart() {
    let Ok(Invocation::Export(database, format)) = read("export --format csv --database x.db") else {
        panic!("export");
    };
    assert_eq!((database, format), (PathBuf::from("x.db"), ExportFormat::Csv { separator: ',' }));
    assert!(matches!(read("export"), Ok(Invocation::Export(_, ExportFormat::Txt))));
    for line in ["export --separator ; --format csv", "export --format csv --separator=;"] {
        let read = read(line);
        assert!(
            matches!(read, Ok(Invocation::Export(_, ExportFormat::Csv { separator: ';' }))),
            "{line}: {read:?}"
        );
    }
    let Ok(Invocation::Backup { database, target }) = read("backup b.db --database x.db") else {
        panic!("backup");
    };
    assert_eq!((database, target), (PathBuf::from("x.db"), PathBuf::from("b.db")));
    let Ok(Invocation::Restore { database, backup }) = read("restore b.db") else { panic!("restore") };
    assert_eq!((database, backup), (PathBuf::from("chat.db"), PathBuf::from("b.db")));
    let Ok(Invocation::ResetPassword(database, email)) = read("reset-password a@b.c --database x.db") else {
        panic!("reset-password");
    };
    assert_eq!((database, email.as_str()), (PathBuf::from("x.db"), "a@b.c"));
    let named = parse(["free-name", "Frau  Meier", "--database=x.db"].map(OsString::from));
    let Ok(Invocation::FreeName(database, name)) = named else { panic!("free-name: {named:?}") };
    assert_eq!((database, name.display()), (PathBuf::from("x.db"), "Frau Meier"));
    for line in ["--help", "-h", "free-name -h", "export --help", "--port 1 -h", "reset-password -h"] {
        assert!(matches!(read(line), Ok(Invocation::Help)), "{line}");
    }
    assert!(matches!(read("--version"), Ok(Invocation::Version)));
    assert!(matches!(read("--licenses"), Ok(Invocation::Licenses)));
    assert!(read("--licenses junk").is_err() && read("--version junk").is_err());
}

#[test]
fn a_refusal_names_the_argument_and_what_was_expected() {
    for (line, parts) in [
        ("--prot 5", ["unknown option", "--prot"]),
        ("-x", ["unknown option", "-x"]),
        ("--port 70000", ["--port 70000", "from 0 to 65535"]),
        ("--port", ["--port needs a value", "from 0 to 65535"]),
        ("--bind home", ["--bind home", "an IP address"]),
        ("--database=", ["--database", "path of a file"]),
        ("--title=", ["--title", "1 to 80 characters"]),
        ("--public-url chat.example", ["--public-url chat.example", "https://"]),
        ("--public-url https://a.example/a?b", ["https://a.example/a?b", "maybe a path of"]),
        ("--lan-name chat.local", ["--lan-name chat.local", "a-z, 0-9 and hyphens"]),
        ("--lan-name -chat", ["--lan-name -chat", "hyphens between"]),
        ("--rate-limit -1", ["--rate-limit -1", "from 0 to 10000"]),
        ("--reactions yes", ["--reactions: yes is not one sign", "or none"]),
        ("--reactions=", ["--reactions: there are no signs", "say none"]),
        ("--reactions", ["--reactions needs a value", "or none"]),
        ("--max-clients 0", ["--max-clients 0", "from 1 to 100000"]),
        ("--max-clients-per-address many", ["--max-clients-per-address many", "from 1 to"]),
        ("--log-level off", ["--log-level off", "error, warn, info, debug or trace"]),
        ("--quiet=yes", ["--quiet takes no value", "yes"]),
        ("serve", ["unexpected argument serve", "export"]),
        ("--port 1 export", ["unexpected argument export", "comes first"]),
        ("export --port 1", ["export has no option", "--port"]),
        ("export all", ["export takes no argument", "all"]),
        ("backup", ["backup needs", "file"]),
        ("restore", ["restore needs", "backup"]),
        ("backup a b", ["backup takes one file", "b"]),
        ("restore a --port 1", ["restore has no option", "--port"]),
        ("reset-password", ["reset-password needs", "email address"]),
        ("reset-password ana", ["ana", "expected an email address"]),
        ("reset-password a@b c@d", ["one email address", "c@d"]),
        ("reset-password a@b --port 1", ["reset-password has no option", "--port"]),
        ("host-link -V", ["host-link has no option", "-V"]),
        ("free-name", ["free-name needs", "in quotes"]),
        ("free-name Frau Meier", ["free-name takes one name", "Meier"]),
        ("free-name Ana --new", ["free-name has no option", "--new"]),
        ("free-name \u{202e}", ["\\u{202e}", "U+202E"]),
        ("host-link me", ["host-link takes no argument", "me"]),
        ("--trusted-proxy proxy", ["--trusted-proxy proxy", "IP address"]),
        ("--sendmail=", ["--sendmail", "path of a program"]),
        ("export --format csv --separator |", ["--separator |", "a comma or a semicolon"]),
        ("export --separator ;", ["--separator goes with", "--format csv"]),
        ("export --format pdf", ["--format pdf", "txt, csv or json"]),
    ] {
        let said = read(line).expect_err(line);
        assert!(parts.iter().all(|part| said.contains(part)), "{line}: {said}");
    }
}

#[cfg(unix)]
#[test]
fn a_path_may_be_any_bytes_and_a_title_may_not() {
    use std::os::unix::ffi::OsStringExt;
    let bytes = || OsString::from_vec(vec![b'a', 0xFF]);
    assert!(parse([OsString::from("--database"), bytes()]).is_ok());
    assert!(parse([OsString::from("--title"), bytes()]).is_err());
}

#[test]
fn the_licences_are_whole() {
    let said = licenses();
    assert_eq!(said, include_str!("licenses.txt"));
    for name in ["tungstenite", "libsqlite3-sys", "SQLite", "Apache License", "winsafe", "signal-hook"] {
        assert!(said.contains(name), "{name}");
    }
}

#[test]
fn help_lists_every_option_with_its_default_and_fits_a_terminal() {
    let help = help();
    for default in [
        "0.0.0.0",
        "5000, or where it is taken the next up to 5009",
        "chat.db",
        "Chat",
        "5",
        "10000",
        "1000",
        "info",
        Signs::DEFAULT,
        "txt",
        ",",
    ] {
        assert!(help.contains(&format!("[{default}]")), "{default}");
    }
    let options = "bind port database title public-url members-only trusted-proxy sendmail rate-limit max-clients \
                   max-clients-per-address reactions log-level quiet no-open lan-name no-lan-name help version licenses \
                   format separator new";
    for option in options.split_whitespace() {
        assert!(help.contains(&format!("--{option} ")), "{option}");
    }
    assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
}
