//! The one place that configures wasmtime: how guests are compiled, and the pool
//! of memories, tables and stacks that they live in.

use std::{fs, num::NonZeroU32};

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig,
    WasmBacktraceDetails,
};

use super::SandboxError;

/// What one attempt may have at one time. Core instances and tables are counted by the worst
/// guest known, a Python one with 14 instances.
pub(super) const CORE_INSTANCES: u32 = 16;
pub(super) const MEMORIES: u32 = 4;
pub(super) const TABLES: u32 = 8;
pub(super) const TABLE_ELEMENTS: usize = 100_000;

/// A memory in use is up to four mappings (its image, its heap, what is beyond, the guard), a
/// stack is two.
const MAPPINGS_AN_ATTEMPT: u64 = MEMORIES as u64 * 4 + 2;
/// For code, threads, libraries and the allocator.
const OTHER_MAPPINGS: u64 = 4096;

/// What is kept of a memory or a stack when its attempt is over: clearing this much is cheaper
/// than asking the kernel for fresh pages.
const KEEP_RESIDENT: usize = 64 << 10;

/// An engine for at most `attempts` at one time.
pub(super) fn engine(attempts: NonZeroU32, lines: bool) -> Result<Engine, SandboxError> {
    check_mappings(attempts, max_mappings())?;
    Engine::new(&pooled(attempts, lines)).or_else(|error| {
        tracing::warn!(
            error = format!("{error:#}"),
            "no room for a pool of instances, guests start slower"
        );
        on_demand(lines)
    })
}

/// The settings of an engine with a pool.
pub(super) fn pooled(attempts: NonZeroU32, lines: bool) -> Config {
    let mut config = base(lines);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(attempts.get())));
    config
}

/// An engine without a pool, for a machine that has no address space for one.
pub(super) fn on_demand(lines: bool) -> Result<Engine, SandboxError> {
    let mut config = base(lines);
    config
        .allocation_strategy(InstanceAllocationStrategy::OnDemand)
        .memory_reservation(0)
        .memory_guard_size(64 << 10)
        .memory_reservation_for_growth(1 << 20);
    Engine::new(&config).map_err(|error| SandboxError::Engine(format!("{error:#}")))
}

/// `lines` is [`SandboxOptions::source_lines`](super::SandboxOptions::source_lines).
fn base(lines: bool) -> Config {
    let details = if lines {
        WasmBacktraceDetails::Enable
    } else {
        // Not the default, which lets an environment variable decide.
        WasmBacktraceDetails::Disable
    };
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        // No async, stream or future is in the interface: without their support a run is twice
        // as fast, and a part of wasmtime that is young is out of reach.
        .concurrency_support(false)
        .wasm_backtrace_details(details)
        .max_wasm_stack(512 << 10)
        // What is beyond the guest's own stack is for host functions.
        .async_stack_size(2 << 20);
    config
}

fn pool(attempts: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(attempts)
        .total_stacks(attempts)
        .total_core_instances(attempts.saturating_mul(CORE_INSTANCES))
        .total_memories(attempts.saturating_mul(MEMORIES))
        .total_tables(attempts.saturating_mul(TABLES))
        // A component that could find the pool full is refused when it is loaded.
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_memories_per_module(MEMORIES)
        .max_tables_per_module(TABLES)
        .table_elements(TABLE_ELEMENTS)
        .max_component_instance_size(10 << 20)
        .max_core_instance_size(4 << 20)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(KEEP_RESIDENT)
        .async_stack_keep_resident(KEEP_RESIDENT)
        // Without it the three above are a blind memset.
        .pagemap_scan(Enabled::Auto);
    pool
}

/// Running out of mappings later would look like a lack of memory in some unlucky attempt.
fn check_mappings(attempts: NonZeroU32, max: Option<u64>) -> Result<(), SandboxError> {
    let Some(max) = max else { return Ok(()) };
    let needed = u64::from(attempts.get()) * MAPPINGS_AN_ATTEMPT + OTHER_MAPPINGS;
    if needed <= max {
        return Ok(());
    }
    Err(SandboxError::TooManyAttempts {
        attempts,
        most: max.saturating_sub(OTHER_MAPPINGS) / MAPPINGS_AN_ATTEMPT,
        needed,
        max,
    })
}

/// How many mappings a process may have, where there is such a limit.
fn max_mappings() -> Option<u64> {
    let text = fs::read_to_string("/proc/sys/vm/max_map_count").ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_attempts_than_the_machine_has_mappings_for_are_refused_by_name() {
        let attempts = |n| NonZeroU32::new(n).unwrap();
        assert!(check_mappings(attempts(64), Some(65_530)).is_ok());
        assert!(check_mappings(attempts(u32::MAX), None).is_ok());
        let error = check_mappings(attempts(20_000), Some(65_530)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`max_concurrent_runs` of 20000 needs up to 364096 memory mappings, \
             and this machine allows 65530 (`vm.max_map_count`)"
        );
        let SandboxError::TooManyAttempts { most, .. } = error else {
            panic!("{error}");
        };
        assert!(check_mappings(attempts(u32::try_from(most).unwrap()), Some(65_530)).is_ok());
        assert!(check_mappings(attempts(u32::try_from(most + 1).unwrap()), Some(65_530)).is_err());
    }
}
