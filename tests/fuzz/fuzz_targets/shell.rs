//! Reading any text as a shell script: no panic, no place outside of the text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use windlass_core::shell::{Text, package_call, read};

fuzz_target!(|text: &str| {
    let script = read(&Text::at(text, 0), &[]);
    for command in &script.commands {
        assert!(text.get(command.span.clone()).is_some());
        for word in &command.words {
            assert!(text.get(word.span.clone()).is_some());
        }
        package_call(command);
    }
});
