//! `overhear export`: flows in another format, into a file or a pipe.

use crate::{
    cli::{Export, ExportFormat},
    data::Data,
    exit::Usage,
    terminal::tell,
};
use anyhow::{Context, bail};
use overhear_store::{FlowId, Store};
use overhear_webui::export::{Format, Selection, Summary, export};
use std::io::{self, IsTerminal};

pub(super) async fn execute(data: &Data, options: Export) -> anyhow::Result<()> {
    let format = Format::from(options.format);
    let mut selection = Selection {
        filter: super::filter(options.filter.as_deref())?,
        ids: (!options.ids.is_empty()).then(|| options.ids.iter().copied().map(FlowId).collect()),
        session: None,
        keep_tls_port: options.keep_tls_port,
    };
    let output = options.output.filter(|path| path.as_os_str() != "-");
    let binary = matches!(format, Format::Pcapng | Format::Pcap | Format::Raw);
    if binary && output.is_none() && io::stdout().is_terminal() {
        let text =
            format!("{format} is binary and would only upset the terminal: write it with -o FILE");
        return Err(Usage(text).into());
    }
    let store = data.read().await?;
    if let Some(name) = &options.session {
        selection.session = Some(super::session(&store, name).await?);
    }
    all_exist(&store, selection.ids.as_deref().unwrap_or_default()).await?;
    match output {
        Some(path) => {
            let cannot = || format!("cannot write {}", path.display());
            let file = tokio::fs::File::create(&path).await.with_context(cannot)?;
            let summary = export(&store, &selection, format, file).await?;
            tell(&format!(
                "{} to {}",
                written(summary, format),
                path.display()
            ));
        }
        None => {
            let summary = export(&store, &selection, format, tokio::io::stdout()).await?;
            tell(&written(summary, format));
        }
    }
    store.close().await?;
    Ok(())
}

/// A flow that was asked for by its number is not left out without a word.
async fn all_exist(store: &Store, ids: &[FlowId]) -> anyhow::Result<()> {
    let mut missing = Vec::new();
    for id in ids {
        if store.flow(*id).await?.is_none() {
            missing.push(id.to_string());
        }
    }
    match missing.as_slice() {
        [] => Ok(()),
        [one] => bail!("there is no flow {one}: `overhear flows` lists those there are"),
        several => bail!(
            "there are no flows {}: `overhear flows` lists those there are",
            several.join(", ")
        ),
    }
}

/// What was written, in words.
fn written(summary: Summary, format: Format) -> String {
    let flows = |count: u64| match count {
        1 => "1 flow".to_owned(),
        count => format!("{count} flows"),
    };
    let mut text = format!("wrote {}", flows(summary.flows));
    if summary.left_out > 0 {
        text += &format!(
            "; left out {} {}",
            flows(summary.left_out),
            why(format, summary.left_out == 1)
        );
    }
    text
}

/// Why a format leaves flows out.
fn why(format: Format, one: bool) -> &'static str {
    match (format, one) {
        (Format::Pcapng | Format::Pcap, true) => {
            "that never had a connection to a server: there are no packets of it"
        }
        (Format::Pcapng | Format::Pcap, false) => {
            "that never had a connection to a server: there are no packets of them"
        }
        (Format::Har, true) => "that is no HTTP exchange: HAR has no place for it",
        (Format::Har, false) => "that are no HTTP exchanges: HAR has no place for them",
        (Format::Curl | Format::Fetch | Format::Python, true) => {
            "that is no request which this can send"
        }
        (Format::Curl | Format::Fetch | Format::Python, false) => {
            "that are no requests which this can send"
        }
        // these hold every flow
        (Format::Raw | Format::Jsonl, _) => "",
    }
}

impl From<ExportFormat> for Format {
    fn from(format: ExportFormat) -> Self {
        match format {
            ExportFormat::Pcapng => Self::Pcapng,
            ExportFormat::Pcap => Self::Pcap,
            ExportFormat::Har => Self::Har,
            ExportFormat::Curl => Self::Curl,
            ExportFormat::Fetch => Self::Fetch,
            ExportFormat::Python => Self::Python,
            ExportFormat::Raw => Self::Raw,
            ExportFormat::Jsonl => Self::Jsonl,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_offered_by_its_name() {
        use clap::ValueEnum;
        let offered: Vec<_> = ExportFormat::value_variants()
            .iter()
            .map(|v| v.to_possible_value().unwrap().get_name().to_owned())
            .collect();
        assert_eq!(offered, Format::ALL.map(Format::name));
        for variant in ExportFormat::value_variants() {
            let name = variant.to_possible_value().unwrap();
            assert_eq!(Format::from(*variant).name(), name.get_name());
        }
    }

    #[test]
    fn what_was_left_out_is_told() {
        let summary = |flows, left_out| Summary { flows, left_out };
        assert_eq!(written(summary(1, 0), Format::Har), "wrote 1 flow");
        let text =
            "wrote 3 flows; left out 1 flow that is no HTTP exchange: HAR has no place for it";
        assert_eq!(written(summary(3, 1), Format::Har), text);
        let text = "wrote 0 flows; left out 2 flows that never had a connection to a server: there are no packets of them";
        assert_eq!(written(summary(0, 2), Format::Pcapng), text);
    }
}
