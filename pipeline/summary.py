"""The last words of a build: about ten lines with the funnel, the totals and where to look."""

from pipeline.shard.manifest import Manifest


def render_summary(manifest: Manifest) -> str:
    """The summary, as text."""
    totals = manifest.totals
    lines = [f"{manifest.name}: {totals.documents:,} documents in {len(manifest.shards)} shard(s)"]
    for stage in manifest.stages:
        dropped = sorted(stage.ledger["dropped"].items(), key=lambda item: (-item[1], item[0]))
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in dropped[:4])
        more = f", {len(dropped) - 4} more" if len(dropped) > 4 else ""
        tail = f"   dropped: {reasons}{more}" if reasons else ""
        lines.append(f"  {stage.name:<8} {stage.ledger['in']:>9,} in {stage.ledger['kept']:>9,} kept{tail}")
    mean = totals.tokens / totals.documents if totals.documents else 0.0
    lines += [
        f"  tokens   {totals.tokens:,} ({manifest.tokenizer.name}), {mean:,.0f} a document",
        f"  formulas {totals.formulas:,}",
        f"  text     {totals.bytes:,} bytes",
        *([f"  masked   {manifest.masked}"] if manifest.masked.total else []),
        f"  manifest {manifest.folder / 'manifest.json'}",
        f"  report   {manifest.folder / 'report.html'}",
    ]
    return "\n".join(lines)
