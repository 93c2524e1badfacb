//! Reading and resolving any text as a Dockerfile: no panic, no place outside of the text.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use windlass_core::diag::Source;
use windlass_core::dockerfile::graph::{BaseConfig, GraphQuery, resolve};
use windlass_core::dockerfile::parse;
use windlass_core::name::Platform;
use windlass_core::shell::{package_call, scripts};

fuzz_target!(|text: &str| {
    let (dockerfile, problems) = parse(&Source::new("Dockerfile", text));
    for label in problems.iter().flat_map(|it| &it.labels) {
        assert!(text.get(label.location.span.clone()).is_some(), "{label:?}");
    }
    let platform = Platform::default();
    let graph = resolve(
        &dockerfile,
        &GraphQuery {
            args: &BTreeMap::new(),
            stage: None,
            platform: &platform,
            bases: &|_| BaseConfig::default(),
        },
    );
    for (index, instruction) in dockerfile.instructions.iter().enumerate() {
        assert!(text.get(instruction.span.clone()).is_some());
        let state = graph.before(&dockerfile, index);
        for script in scripts(&dockerfile, instruction, state) {
            for command in &script.commands {
                assert!(text.get(command.span.clone()).is_some());
                package_call(command);
            }
        }
    }
});
