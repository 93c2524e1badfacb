//! `secret` as written.

use crate::diag::Location;

use super::Text;

/// `secret "name" { from-env ".." }`
#[derive(Debug, Clone)]
pub struct SecretNode {
    /// Its name.
    pub name: Text,
    /// Where its value comes from; `None` where that was said wrongly.
    pub source: Option<SecretFrom>,
}

/// Where the value of a secret comes from.
#[derive(Debug, Clone)]
pub enum SecretFrom {
    /// `from-env`
    Env(Text),
    /// `from-file`, relative to the file that says it
    File(Text),
    /// `from-ssm` or `from-secretsmanager`: the word and its place; read and checked, not carried out
    Service(&'static str, Location),
}

/// `secret "name" id="..."` inside an image.
#[derive(Debug, Clone)]
pub struct SecretUse {
    /// The secret.
    pub secret: Text,
    /// `id=`; the secret's name where it is not given.
    pub id: Option<Text>,
}
