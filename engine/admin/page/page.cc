#include "engine/admin/page/page.h"

#include "engine/admin/page/files.h"

namespace sluice::admin {
namespace {

// Nothing but what is named: no inline script or style, no other origin, no form that is sent by
// the browser itself, no frame in here or around this.
constexpr char kContentSecurityPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

}  // namespace

Page::Page() : files_(kContentSecurityPolicy) {}

void Page::AddTo(Router& router) const {
  for (const StaticFile& file : PageFiles()) files_.Add(file, router);
}

}  // namespace sluice::admin
