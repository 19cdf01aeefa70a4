//! Where settings come from: flags > environment > ./backfleet.toml > the user's file > defaults.
//!
//! A configuration file's values become the defaults of the flags of the same name, so one parser
//! checks all of them. The table `[influx]` also holds the mapping of an existing schema.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use candles::InfluxSettings;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory};

use crate::cli::Cli;
use crate::failure::Failure;

/// Values of the configuration files, and where each came from.
#[derive(Debug, Default)]
pub(crate) struct Files {
    values: BTreeMap<String, (String, PathBuf)>,
    /// The table `[influx]`: how to reach InfluxDB and how candles are named in it.
    pub(crate) influx: Option<InfluxSettings>,
}

/// Reads the configuration files that apply to this command line.
pub(crate) fn files(arguments: &[OsString]) -> Result<Files, Failure> {
    let mut files = Files::default();
    if let Some(path) = named_file(arguments) {
        read(&path, &mut files)?;
        return Ok(files);
    }
    let user = user_file();
    for path in user.into_iter().chain([PathBuf::from("backfleet.toml")]) {
        if path.is_file() {
            read(&path, &mut files)?;
        }
    }
    Ok(files)
}

/// `--config FILE`, looked for before the command line is parsed.
fn named_file(arguments: &[OsString]) -> Option<PathBuf> {
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let text = argument.to_string_lossy();
        if text == "--" {
            break;
        }
        if text == "--config" {
            return rest.next().map(PathBuf::from);
        }
        if let Some(path) = text.strip_prefix("--config=") {
            return Some(PathBuf::from(path));
        }
    }
    variable("BACKFLEET_CONFIG").map(PathBuf::from)
}

fn user_file() -> Option<PathBuf> {
    let base = variable("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".config")))?;
    Some(base.join("backfleet").join("config.toml"))
}

#[expect(clippy::disallowed_methods, reason = "this is the configuration module")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn read(path: &Path, files: &mut Files) -> Result<(), Failure> {
    let place = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::usage(format!("cannot read the configuration {place}: {error}"))
    })?;
    let table: toml::Table = text.parse().map_err(|error| {
        Failure::usage(format!("the configuration {place} is no TOML: {error}"))
    })?;
    let known = keys();
    for (key, value) in table {
        if key == "influx" {
            let table = value.try_into().map_err(|error: toml::de::Error| {
                Failure::usage(format!("[influx] in {place}: {}", error.message()))
            })?;
            files.influx = Some(table);
            continue;
        }
        if !known.contains(&key) {
            let near = model::fault::nearest(&key, known.iter().map(String::as_str));
            let failure = Failure::usage(format!("unknown setting \"{key}\" in {place}"));
            return Err(match near {
                Some(near) => failure.hint(format!("did you mean \"{near}\"?")),
                None => failure.hint("`backfleet config show` lists every setting"),
            });
        }
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            toml::Value::Boolean(flag) => flag.to_string(),
            toml::Value::Datetime(_) | toml::Value::Array(_) | toml::Value::Table(_) => {
                return Err(Failure::usage(format!("\"{key}\" in {place} wants one value")));
            }
        };
        files.values.insert(key, (text, path.to_owned()));
    }
    Ok(())
}

/// Settings that a file may hold: the flags that also have an environment variable.
fn keys() -> Vec<String> {
    let mut keys = Vec::new();
    collect(&Cli::command(), &mut keys);
    keys.sort();
    keys.dedup();
    keys.retain(|key| key != "config");
    keys
}

fn collect(command: &Command, keys: &mut Vec<String>) {
    let arguments = command.get_arguments().filter(|argument| argument.get_env().is_some());
    keys.extend(arguments.map(|argument| argument.get_id().to_string()));
    for sub in command.get_subcommands() {
        collect(sub, keys);
    }
}

impl Files {
    /// The command line with the files' values as defaults.
    pub(crate) fn apply(&self, mut command: Command) -> Command {
        let ids: Vec<String> =
            command.get_arguments().map(|argument| argument.get_id().to_string()).collect();
        for id in ids {
            if let Some((value, _)) = self.values.get(&id) {
                command = command.mut_arg(&id, |argument| argument.default_value(value.clone()));
            }
        }
        let names: Vec<String> =
            command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
        for name in names {
            command = command.mut_subcommand(&name, |sub| self.apply(sub));
        }
        command
    }

    /// Every setting of `matches`: name, value (secrets masked) and origin.
    pub(crate) fn listing(&self, matches: &ArgMatches) -> Vec<Setting> {
        let mut settings = Vec::new();
        for key in keys() {
            let Ok(Some(raw)) = matches.try_get_raw(&key) else {
                if matches.try_contains_id(&key).is_ok() {
                    settings.push(Setting { name: key, value: None, origin: "default".to_owned() });
                }
                continue;
            };
            let text: Vec<String> = raw.map(|value| value.to_string_lossy().into_owned()).collect();
            let origin = match matches.value_source(&key) {
                Some(ValueSource::CommandLine) => "flag".to_owned(),
                Some(ValueSource::EnvVariable) => {
                    format!("environment BACKFLEET_{}", key.to_uppercase())
                }
                _ => match self.values.get(&key) {
                    Some((_, path)) => format!("file {}", path.display()),
                    None => "default".to_owned(),
                },
            };
            settings.push(Setting { value: Some(masked(&text.join(" "))), name: key, origin });
        }
        settings
    }
}

/// One setting in force.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Setting {
    pub(crate) name: String,
    pub(crate) value: Option<String>,
    pub(crate) origin: String,
}

/// The password of a URL, if there is one, as stars; so are the values of its query.
///
/// All before the last `@` counts as user and password: a password may hold what ends a host.
pub(crate) fn masked(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let rest = match rest.rsplit_once('@').map(|(user, host)| (user.split_once(':'), host)) {
        Some((Some((user, _)), host)) => format!("{user}:***@{host}"),
        _ => rest.to_owned(),
    };
    let Some((place, query)) = rest.split_once('?') else { return format!("{scheme}://{rest}") };
    let query: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((key, _)) => format!("{key}=***"),
            None => pair.to_owned(),
        })
        .collect();
    format!("{scheme}://{place}?{}", query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_sets_defaults_that_flags_override() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backfleet.toml");
        std::fs::write(&path, "poll = \"2s\"\nmax_jobs = 7\n").unwrap();
        let arguments = [OsString::from("--config"), path.clone().into_os_string()];
        let files = files(&arguments).unwrap();
        let command = files.apply(Cli::command());
        let matches =
            command.try_get_matches_from(["backfleet", "dev", "--max-jobs", "9"]).unwrap();
        let (_, dev) = matches.subcommand().unwrap();
        let listing = files.listing(dev);
        let get = |name: &str| listing.iter().find(|setting| setting.name == name).unwrap();
        assert_eq!(get("poll").value.as_deref(), Some("2s"));
        assert!(get("poll").origin.starts_with("file "));
        assert_eq!(
            (get("max_jobs").value.as_deref(), get("max_jobs").origin.as_str()),
            (Some("9"), "flag")
        );
        assert_eq!(get("listen").origin, "default");
    }

    #[test]
    fn an_unknown_setting_is_refused_with_the_nearest_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backfleet.toml");
        std::fs::write(&path, "databse_url = \"x\"\n").unwrap();
        let arguments = [OsString::from(format!("--config={}", path.display()))];
        let failure = files(&arguments).unwrap_err();
        assert_eq!(failure.hint.as_deref(), Some("did you mean \"database_url\"?"));
    }

    #[test]
    fn passwords_are_masked() {
        assert_eq!(masked("postgres://u:secret@h:5432/d"), "postgres://u:***@h:5432/d");
        assert_eq!(masked("http://127.0.0.1:8086"), "http://127.0.0.1:8086");
        assert_eq!(masked("postgres://u:p@ss@h/d"), "postgres://u:***@h/d");
        assert_eq!(masked("postgres://u:p/a?ss@h/d"), "postgres://u:***@h/d");
        assert_eq!(masked("http://h:8086/?u=me&p=x"), "http://h:8086/?u=***&p=***");
    }
}
