//! `cube kubectl`: one kubectl command that only reads, run by cube-cloud.

use anyhow::Result;
use clap::Args;
use clap_complete::ArgValueCandidates;

use crate::complete;
use crate::context::Context;
use crate::failure::refused;
use crate::output::View;

pub(super) const KUBECTL: View = View::text("kubectl", "kubectl_exec");

/// Run one kubectl command that only reads on a cluster
///
/// The service runs it and masks secrets. For everything else log in with `cube cluster login` and use kubectl itself.
#[derive(Args)]
#[command(after_help = "Examples:\n  cube kubectl cube-7 get pods -A\n  \
                        cube kubectl cube-7 logs -n mqtt deploy/mosquitto --tail 50")]
pub(crate) struct Kubectl {
    /// The cluster
    #[arg(add = ArgValueCandidates::new(complete::clusters))]
    cluster: String,
    /// The command, without the word kubectl
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

impl Kubectl {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let words: Vec<_> = self.command.iter().map(|word| quoted(word)).collect::<Result<_>>()?;
        let answer = context.cloud()?.kubectl_exec(self.cluster, words.join(" ")).await?;
        context.output().reply(&KUBECTL, answer.reply())
    }
}

/// A word of the line that the service splits again.
fn quoted(word: &str) -> Result<String> {
    match (word.contains('\''), word.contains('"'), word.is_empty() || word.contains(char::is_whitespace)) {
        (true, true, _) => Err(refused(format!("{word}: the service takes no word with both kinds of quotes")).into()),
        (true, false, _) => Ok(format!("\"{word}\"")),
        (false, true, _) | (_, _, true) => Ok(format!("'{word}'")),
        _ => Ok(word.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words() {
        for (word, wanted) in
            [("pods", "pods"), ("a b", "'a b'"), ("", "''"), ("it's", "\"it's\""), ("\"q\"", "'\"q\"'")]
        {
            assert_eq!(quoted(word).ok().as_deref(), Some(wanted));
        }
        assert!(quoted("'\"").is_err());
    }
}
