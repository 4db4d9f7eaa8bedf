//! QR codes.

use fast_qr::convert::Builder;
use fast_qr::convert::svg::SvgBuilder;
use fast_qr::{ECL, QRBuilder, QRCode};

/// Light modules around a QR code, as the standard asks.
pub(crate) const QUIET_ZONE: usize = 4;

/// Level M is enough for a clean screen, and a smaller code is read from further away.
pub(crate) fn qr(text: &str) -> Option<QRCode> {
    QRBuilder::new(text).ecl(ECL::M).build().ok()
}

/// `text` as a QR code, black on white with its quiet zone, in an SVG that scales and holds neither script nor style.
/// Empty if `text` is longer than a QR code can be (2,331 bytes).
pub(crate) fn qr_svg(text: &str) -> String {
    qr(text).map(|code| SvgBuilder::default().margin(QUIET_ZONE).to_str(&code)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_svg_is_a_scalable_drawing_and_nothing_else() {
        let svg = qr_svg("http://192.168.1.5:5000");
        assert!(svg.starts_with("<svg viewBox=\"0 0 33 33\""), "25 modules and the quiet zone: {svg}");
        assert!(svg.contains("#ffffff") && svg.contains("#000000"), "{svg}");
        assert!(!svg.contains("script") && !svg.contains("style") && !svg.contains("192.168"), "{svg}");
        assert_eq!(qr_svg(&"x".repeat(3000)), "");
    }
}
