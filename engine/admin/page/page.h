// The web page: the files of files/, which the daemon carries in itself and serves to everybody.
//
//   Page page;
//   page.AddTo(router);
//
// "/" is the page, "/page/…" is what it consists of. It is plain HTML, CSS and ES modules, served
// as they stand in the tree, and asks the HTTP API for whatever it shows, with the token that its
// reader types in. Its Content-Security-Policy lets it talk to nobody but this daemon, run nothing
// but its own files, and be framed by nobody.
//
// Immutable; thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_PAGE_PAGE_H_
#define SLUICE_ENGINE_ADMIN_PAGE_PAGE_H_

#include "engine/admin/router.h"
#include "engine/admin/static_files.h"

namespace sluice::admin {

class Page {
 public:
  Page();
  void AddTo(Router& router) const;

 private:
  StaticFiles files_;
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_PAGE_PAGE_H_
