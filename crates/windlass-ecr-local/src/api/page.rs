//! Pages of lists.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::errors::ApiError;

/// Returns the entries of a page and the token of the next one.
///
/// `entries` are in order of `key`; the token holds the key of the last entry given, so that entries that come or go
/// between two pages cost nothing else.
pub(super) fn page<T>(
    entries: Vec<T>,
    key: impl Fn(&T) -> String,
    token: Option<&String>,
    size: usize,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    let after = token.map(|token| opened(token)).transpose()?;
    let rest = entries
        .into_iter()
        .filter(|entry| after.as_ref().is_none_or(|after| key(entry) > *after));
    let mut page: Vec<T> = rest.take(size + 1).collect();
    let more = page.len() > size;
    page.truncate(size);
    let next = page.last().filter(|_| more).map(|last| sealed(&key(last)));
    Ok((page, next))
}

fn sealed(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("page:{key}"))
}

fn opened(token: &str) -> Result<String, ApiError> {
    let plain = URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let key = plain.and_then(|plain| plain.strip_prefix("page:").map(str::to_owned));
    key.ok_or_else(|| ApiError::parameter("nextToken", "must be a token of an earlier answer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_join_to_the_whole() {
        let all: Vec<String> = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
        let (mut seen, mut token) = (Vec::new(), None);
        loop {
            let (entries, next) = page(all.clone(), Clone::clone, token.as_ref(), 2).unwrap();
            assert!(entries.len() <= 2);
            seen.extend(entries);
            token = next;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn a_full_last_page_has_no_token() {
        let (entries, next) = page(vec!["a".to_owned()], Clone::clone, None, 1).unwrap();
        assert_eq!((entries.len(), next), (1, None));
    }

    #[test]
    fn refuses_a_foreign_token() {
        let error = page(
            Vec::<String>::new(),
            Clone::clone,
            Some(&"zz".to_owned()),
            1,
        )
        .unwrap_err();
        assert_eq!(error.code, "InvalidParameterException");
    }
}
