"""EMS, the MerchantSite API (docws.ems.com.vn) and the webhooks of both MerchantSite and MyEMS."""
