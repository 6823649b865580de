#include "engine/relay/route_table.h"

#include "gtest/gtest.h"

namespace sluice::relay {
namespace {

RouteTable Build(std::initializer_list<absl::string_view> routes) {
  std::vector<Route> parsed;
  for (const absl::string_view route : routes) {
    absl::StatusOr<Route> one = RouteTable::ParseRoute(route);
    EXPECT_TRUE(one.ok()) << one.status();
    parsed.push_back(*one);
  }
  absl::StatusOr<RouteTable> table = RouteTable::Build(std::move(parsed));
  EXPECT_TRUE(table.ok()) << table.status();
  return *std::move(table);
}

std::string NextHop(const RouteTable& table, absl::string_view domain) {
  const Route* route = table.Find(domain);
  return route == nullptr ? "by MX" : route->next_hop();
}

TEST(RouteTable, TheRouteThatSaysMostDecides) {
  const RouteTable table = Build({"*=smart.example:587", "example.com=192.0.2.1:25",
                                  "*.example.com=[2001:db8::7]:2525", ".example.org=mail.internal:25"});
  EXPECT_EQ(NextHop(table, "example.com"), "192.0.2.1:25");
  EXPECT_EQ(NextHop(table, "A.Example.COM."), "[2001:db8::7]:2525");
  EXPECT_EQ(NextHop(table, "example.org"), "mail.internal:25");
  EXPECT_EQ(NextHop(table, "x.example.org"), "mail.internal:25");
  EXPECT_EQ(NextHop(table, "elsewhere.net"), "smart.example:587");
}

TEST(RouteTable, ARouteMayNameWhereItsConnectionsComeFrom) {
  const auto source = [](absl::string_view text) {
    return RouteTable::ParseRoute(text)->source.ToString();
  };
  EXPECT_EQ(source("example.com=mail.internal:25"), "");
  EXPECT_EQ(source("example.com=mail.internal:25 from 192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(source(" * = [2001:db8::9]:25  from  2001:DB8::7 192.0.2.7 "), "192.0.2.7 2001:db8::7");
  const RouteTable table = Build({"example.com=mail.internal:25 from 192.0.2.7"});
  EXPECT_EQ(NextHop(table, "example.com"), "mail.internal:25");
  EXPECT_EQ(table.Find("example.com")->source.ToString(), "192.0.2.7");
}

TEST(RouteTable, WithoutARouteMailGoesByMx) {
  EXPECT_EQ(NextHop(RouteTable(), "example.com"), "by MX");
  EXPECT_EQ(NextHop(Build({"example.com=192.0.2.1:25"}), "sub.example.com"), "by MX");
}

TEST(RouteTable, RefusesWithTheReason) {
  const auto message = [](absl::string_view text) {
    return std::string(RouteTable::ParseRoute(text).status().message());
  };
  EXPECT_NE(message("example.com").find("a route is domain=host:port"), std::string::npos);
  EXPECT_NE(message("example.com=host").find("no port from 1 to 65535"), std::string::npos);
  EXPECT_NE(message("example.com=[::1]").find("no port from 1 to 65535"), std::string::npos);
  EXPECT_NE(message("example.com=host:0").find("no port from 1 to 65535"), std::string::npos);
  EXPECT_NE(message("ex*mple.com=host:25").find("'ex*mple.com=host:25'"), std::string::npos);
  EXPECT_NE(message("example.com=ho st:25"), "");
  EXPECT_NE(message("example.com=host:25 from").find("no address behind 'from'"),
            std::string::npos);
  EXPECT_NE(message("example.com=host:25 from ::").find("'::' is no address"), std::string::npos);
}

TEST(RouteTable, RefusesTwoRoutesForOnePattern) {
  std::vector<Route> routes = {*RouteTable::ParseRoute("example.com=a.internal:25"),
                               *RouteTable::ParseRoute("EXAMPLE.com.=b.internal:25")};
  EXPECT_EQ(RouteTable::Build(std::move(routes)).status().message(),
            "two routes for example.com: a.internal:25 and b.internal:25; keep one");
}

TEST(RouteTable, AFileNamesEveryBadLine) {
  std::vector<std::string> faults;
  const std::vector<Route> routes = RouteTable::ParseFile(
      "# next hops\n\nexample.com=mail.internal:25\nnonsense\n *.x.org = 192.0.2.1:25 \na=b\n",
      faults);
  EXPECT_EQ(routes.size(), 2u);
  ASSERT_EQ(faults.size(), 2u);
  EXPECT_EQ(faults[0].substr(0, 18), "line 4: 'nonsense'");
  EXPECT_EQ(faults[1].substr(0, 13), "line 6: 'a=b'");
}

}  // namespace
}  // namespace sluice::relay
