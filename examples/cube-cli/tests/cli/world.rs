//! A world of a test's own, and the program in it.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use cube_sdk_server::local::{Card, World, WorldBuilder};
use serde_json::Value;
use tempfile::TempDir;

/// A running world with a home for the program.
pub struct Place {
    pub world: World,
    pub home: TempDir,
    variables: Vec<(String, String)>,
    runtime: tokio::runtime::Runtime,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Place {
    pub fn new() -> Self {
        Self::of(World::builder())
    }

    pub fn of(world: WorldBuilder) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let world = runtime.block_on(world.start()).unwrap();
        use cube_sdk::core::secret::ExposeSecret as _;
        let variables = world.env().into_iter().map(|(name, value)| (name, value.expose_secret().to_owned())).collect();
        Self { world, home: tempfile::tempdir().unwrap(), variables, runtime }
    }

    pub fn card(&self) -> &Card {
        self.world.card()
    }

    /// Work on the world itself.
    pub fn on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// The program with nothing but this world in its environment.
    pub fn command(&self, line: &[&str]) -> Command {
        let mut command = program(line);
        command.env("HOME", self.home.path()).envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end, with nobody at a terminal.
    pub fn run(&self, line: &[&str]) -> Ended {
        ended(self.command(line).stdin(Stdio::null()).output().unwrap())
    }

    /// As [`Self::run`], with this on standard input.
    pub fn piped(&self, line: &[&str], text: &str) -> Ended {
        let mut command = self.command(line);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A program that refuses before it reads has closed the pipe.
        let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes());
        ended(child.wait_with_output().unwrap())
    }

    /// Runs a command that has to go well.
    pub fn good(&self, line: &[&str]) -> String {
        let ended = self.run(line);
        assert_eq!(ended.code, 0, "{line:?}: {ended:?}");
        ended.out
    }

    /// The data of a command's document, after a look at its schema.
    pub fn data(&self, line: &[&str]) -> Value {
        let line: Vec<_> = line.iter().copied().chain(["--output", "json"]).collect();
        let document: Value = serde_json::from_str(&self.good(&line)).unwrap();
        fits(&document);
        document["data"].clone()
    }

    /// Runs a command with a key that the service does not know.
    pub fn refused(&self, line: &[&str]) -> Ended {
        let ended = ended(self.command(line).env("CUBE_API_KEY", "cube_nobody").output().unwrap());
        assert_eq!((ended.code, ended.out.as_str()), (4, ""), "{line:?}: {ended:?}");
        ended
    }

    /// Runs a command that has to fail like this.
    pub fn bad(&self, line: &[&str], code: i32, words: &str) -> Ended {
        let ended = self.run(line);
        assert_eq!(ended.code, code, "{line:?}: {ended:?}");
        assert!(ended.err.contains(words), "{line:?} does not say {words}: {ended:?}");
        assert_eq!(ended.out, "", "{line:?} shows something in spite of its failure");
        ended
    }
}

/// What `CUBE_REAL_BIN` has, where `CUBE_REAL=1` asks for it; it must be there then.
pub fn real(name: &str) -> Option<std::path::PathBuf> {
    if std::env::var("CUBE_REAL").ok().as_deref() != Some("1") {
        return None;
    }
    let folder = std::env::var_os("CUBE_REAL_BIN").expect("CUBE_REAL_BIN names the folder of the real programs");
    let program = Path::new(&folder).join(name);
    assert!(program.exists(), "{} is not there: tests/real/install", program.display());
    Some(program)
}

/// The program without any environment but a path.
pub fn program(line: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cube"));
    command.args(line).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

pub fn ended(output: Output) -> Ended {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let code = output.status.code().unwrap_or(-1);
    Ended { code, out: text(&output.stdout), err: text(&output.stderr) }
}

/// A document fits the schema that the program prints for it.
pub fn fits(document: &Value) {
    let name = document["schema"].as_str().unwrap_or_else(|| panic!("no schema is named: {document}"));
    let command = name.strip_prefix("cube.").and_then(|name| name.strip_suffix("/1")).unwrap().replace('.', " ");
    let line: Vec<_> = ["schema", "--"].into_iter().chain(command.split(' ')).collect();
    let printed = ended(program(&line).output().unwrap());
    assert_eq!(printed.code, 0, "{printed:?}");
    let schema: Value = serde_json::from_str(&printed.out).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<_> =
        validator.iter_errors(document).map(|fault| format!("{}: {fault}", fault.instance_path)).collect();
    assert!(faults.is_empty(), "{name}: {faults:#?}\n{document:#}");
}

/// The names in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
